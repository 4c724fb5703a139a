"""Many streams of one component in cocotb, each end under a profile of its own, side by side, cycle by cycle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel_sim.bench.ports import Acts, Sink, Source
from vitaccel_sim.bench.stream import PATIENCE_CYCLES, TAIL_CYCLES


class Input(Source):
    """A source that also knows when each of its words was first offered.

    Attributes
    ----------
    sent : tuple of int
        All its words.
    offered, accepted : list of int
        Cycles of each word.
    """

    def __init__(self, dut: Any, name: str, words: Iterable[int], acts: Acts) -> None:
        self.sent = tuple(words)
        self.offered: list[int] = []
        super().__init__(dut, name, self.sent, acts)

    def sample(self, cycle: int) -> bool:
        if self._is_offering and len(self.offered) == len(self.accepted):
            self.offered.append(cycle)
        return super().sample(cycle)


class Output(Sink):
    """A sink that keeps what it took.

    Parameters
    ----------
    dut, name, acts
        Of a :class:`vitaccel_sim.bench.ports.Sink`.
    expected
        Words that will come.

    Attributes
    ----------
    words, offered, taken : list of int
        Payloads in order, and when each was first offered and when taken.
    ready : list of bool
        For every cycle, whether a word would have been taken.
    """

    def __init__(self, dut: Any, name: str, expected: int, acts: Acts) -> None:
        self.expected = expected
        self.words: list[int] = []
        self.taken: list[int] = []
        self.ready: list[bool] = []
        super().__init__(dut, name, acts)

    @property
    def is_complete(self) -> bool:
        """Whether all words came that are expected."""
        return len(self.words) >= self.expected

    def sample(self, cycle: int) -> int | None:
        self.ready.append(self.is_taking)
        word = super().sample(cycle)
        if word is not None:
            self.words.append(word)
            self.taken.append(cycle)
        return word


async def start(dut: Any, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Start the clock and reset a component with these streams."""
    Clock(dut.clk, 10, "ns").start()
    for name in inputs:
        getattr(dut, f"{name}__payload").value = 0
    await reset(dut, inputs=inputs, outputs=outputs)


async def reset(dut: Any, *, inputs: Sequence[str], outputs: Sequence[str], cycles: int = 2) -> None:
    """Hold ``rst`` for so many cycles while nobody offers or takes; what is under way is lost."""
    for name in inputs:
        getattr(dut, f"{name}__valid").value = 0
    for name in outputs:
        getattr(dut, f"{name}__ready").value = 0
    dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


async def exchange(dut: Any, inputs: Sequence[Input], outputs: Sequence[Output], *, cycles: int | None = None) -> None:
    """Send all words and take results until all came, or so many *cycles* passed.

    After the last word some cycles more are watched for words too many.

    Raises
    ------
    AssertionError
        If a payload changes while it waits, *valid* falls, an output is X, a word is one too many, or nothing moves.
    """
    cycle = quiet = tail = 0
    while tail < TAIL_CYCLES and (cycles is None or cycle < cycles):
        for end in (*inputs, *outputs):
            end.drive()
        await ReadOnly()
        moved = [source.sample(cycle) for source in inputs]
        moved += [sink.sample(cycle) is not None for sink in outputs]
        for sink in outputs if cycles is None else ():
            if len(sink.words) > sink.expected:
                raise AssertionError(
                    f"{sink.name}, cycle {cycle}: {sink.expected} words are expected, and one more came"
                )
        is_over = not any(source.words for source in inputs) and all(sink.is_complete for sink in outputs)
        tail, quiet = tail + is_over, 0 if is_over or any(moved) else quiet + 1
        if quiet > PATIENCE_CYCLES:
            waiting = sum(len(source.words) for source in inputs)
            raise AssertionError(f"cycle {cycle}: nothing moves; {waiting} words wait to go in")
        await RisingEdge(dut.clk)
        cycle += 1
    for end in (*inputs, *outputs):
        end.rest()
