"""A memory answers in order and in time, and with what was there when it was asked."""

from __future__ import annotations

import random

import pytest

from vitaccel_sim.bench.memory import Memory


def test_answers_come_in_order_after_their_cycles(seed: int) -> None:
    memory = Memory({n: 10 * n for n in range(50)}, random.Random(seed), most=7)
    for n in range(50):
        memory.ask(n, cycle=n)
    answers = [(cycle, word) for cycle in range(70) for word in memory.answers(cycle)]
    assert [word for _, word in answers] == [10 * n for n in range(50)]
    assert all(cycle - n >= 1 for n, (cycle, _) in enumerate(answers))
    assert [cycle for cycle, _ in answers] == sorted(cycle for cycle, _ in answers)


def test_an_answer_of_fixed_latency_is_what_was_there() -> None:
    memory = Memory({5: 1}, random.Random(0), answer=3)
    memory.ask(5, cycle=0)
    memory.write(5, 2)
    memory.ask(5, cycle=1)
    assert [memory.answers(cycle) for cycle in range(5)] == [[], [], [], [1], [2]]


def test_an_address_without_a_word_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"^cycle 7: address 6 must not be read$"):
        Memory({5: 1}, random.Random(0)).ask(6, cycle=7)
