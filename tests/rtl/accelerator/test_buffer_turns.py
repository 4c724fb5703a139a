"""Turns of buffers, one by one: banks that meet their clients, sets and entries a cycle."""

from __future__ import annotations

import pytest

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.accelerator.buffer_turns import ReadTurns, SetTurns, WriteTurns


@pytest.mark.parametrize("client", range(8))
def test_consecutive_words_are_taken_whenever_they_come(client: int) -> None:
    turns = WriteTurns(client=client)
    assert [turns.word(3 + word, 20 + word) for word in range(40)] == list(range(20, 60))


def test_a_word_for_the_same_bank_waits_until_the_bank_met_its_client() -> None:
    """Bank 0 meets client 4 in phase 4, and a word leaves its place for it a cycle before."""
    turns = WriteTurns(client=4)
    accepted = []
    for word in range(4):
        turns.word(8 * word, 0)
        accepted.append(turns.end() - latency.LINE_WRITER)
    assert accepted == [1, 3, 11, 19]
    # Two wait in the skid buffer for their places: the next is taken when the first of them left it.
    assert turns.word(32, 0) == 12


@pytest.mark.parametrize("address", range(8))
def test_a_run_waits_for_its_first_bank_and_then_for_nothing(address: int) -> None:
    turns = ReadTurns(client=6)
    turns.begin(10)
    wait = (address - 6 - 1 - 10) % 8
    for word in range(30):
        offered = turns.offer(address + word)
        assert offered == 10 + latency.LINE_READER + wait + word
        turns.take(offered)


def test_places_suffice_for_a_word_a_cycle_after_a_wait() -> None:
    """The 17th word is asked for when the first was taken, which is soon enough for its turn."""
    turns = ReadTurns(client=6)
    turns.begin(0)
    for word in range(60):
        offered = turns.offer(word)
        taken = max(offered, 500 + word)
        assert taken == 500 + word
        turns.take(taken)


@pytest.mark.parametrize(("row_bytes", "every"), [(256, 8), (512, 4)])
def test_a_table_takes_256_cycles(row_bytes: int, every: int) -> None:
    turns = SetTurns(side=8)
    turns.begin(row_bytes, is_table=True)
    taken = [turns.word(0) for _ in range(row_bytes // 8)]
    first = taken[0] + dma_latency.words_to_beats(beat_bytes=8, word_bytes=8, align_bytes=8)
    assert turns.end() == first + 256
    assert taken[-1] - taken[-2] == every
