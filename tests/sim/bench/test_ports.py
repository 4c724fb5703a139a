"""A source keeps a word until it is accepted; a sink finds a word that changes, goes, or has an X."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vitaccel_sim.bench.ports import Sink, Source


class Port:
    """A handle of the simulator that holds what it is given; ``None`` is an X."""

    def __init__(self, name: str) -> None:
        self._name, self.value = name, Value(0)


class Value:
    def __init__(self, number: int | None) -> None:
        self.number = number

    @property
    def is_resolvable(self) -> bool:
        return self.number is not None

    def __int__(self) -> int:
        assert self.number is not None
        return self.number

    def __str__(self) -> str:
        return "X" if self.number is None else str(self.number)


def stream() -> Any:
    return SimpleNamespace(**{f"o__{part}": Port(f"o__{part}") for part in ("payload", "valid", "ready")})


def offered(sink: Sink, dut: Any, cycle: int, valid: int | None, payload: int | None) -> int | None:
    dut.o__valid.value, dut.o__payload.value = Value(valid), Value(payload)
    sink.drive()
    return sink.sample(cycle)


def test_a_source_offers_a_word_until_it_is_accepted() -> None:
    dut = stream()
    source = Source(dut, "o", [7, 8], lambda _: True)
    seen = []
    for cycle, ready in enumerate((0, 0, 1, 1, 1)):
        source.drive()
        seen.append((dut.o__valid.value, dut.o__payload.value))
        dut.o__ready.value = Value(ready)
        source.sample(cycle)
    assert seen == [(1, 7), (1, 7), (1, 7), (1, 8), (0, 8)]
    assert source.accepted == [2, 3]


def test_a_sink_takes_words_when_it_acts() -> None:
    dut = stream()
    takes = iter((False, True, True, False))
    sink = Sink(dut, "o", lambda _: next(takes))
    assert [offered(sink, dut, cycle, *word) for cycle, word in enumerate(((1, 5), (1, 5), (1, 6), (0, None)))] == [
        None, 5, 6, None,
    ]  # fmt: skip
    assert sink.offered == [0, 2]


@pytest.mark.parametrize(
    ("valid", "payload", "message"),
    [
        (1, 6, "cycle 1: the payload changed at o before the word was accepted"),
        (0, 5, "cycle 1: valid fell at o before the word was accepted"),
        (None, 5, "cycle 1: o__valid must have no X, not X"),
        (1, None, "cycle 1: o__payload must have no X, not X"),
    ],
)
def test_a_sink_holds_a_stream_to_its_rules(valid: int | None, payload: int | None, message: str) -> None:
    dut = stream()
    sink = Sink(dut, "o", lambda _: False)
    assert offered(sink, dut, 0, 1, 5) is None
    with pytest.raises(AssertionError, match=f"^{message}$"):
        offered(sink, dut, 1, valid, payload)
