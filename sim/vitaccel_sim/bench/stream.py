"""Streams of components in cocotb: words in under one profile, out under another, with the rules of a stream checked.

Exchanges with several components of one top module go on side by side, cycle by cycle: what costs time is the way from
the simulator to Python, once a cycle.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel_sim.bench.profiles import PROFILES, Profile
from vitaccel_sim.bench.scoreboard import Scoreboard

PATIENCE_CYCLES = 2000
"""Cycles without a word in or out after which a component hangs; longer than any profile's silence."""

FULL_CYCLES = 30
"""Cycles in which nothing is taken and nothing accepted after which a component is full; longer than its latency."""

TAIL_CYCLES = 12
"""Cycles after the last word in which one too many would show."""


class StreamPorts:
    """The streams ``i`` and ``o`` of a component.

    Parameters
    ----------
    dut
        The top module, with ``clk`` and ``rst``.
    name
        Of the component in a :class:`vitaccel_sim.bench.group.Group`; empty if it is the top module itself.
    """

    def __init__(self, dut: Any, name: str = "") -> None:
        self.name = name
        self._dut = dut
        self._prefix = f"{name}__" if name else ""
        self.i_payload, self.i_valid, self.i_ready = (self.port(f"i__{part}") for part in ("payload", "valid", "ready"))
        self.o_payload, self.o_valid, self.o_ready = (self.port(f"o__{part}") for part in ("payload", "valid", "ready"))

    def port(self, name: str) -> Any:
        """Return the handle of a port of this component."""
        return getattr(self._dut, self._prefix + name)

    def rest(self) -> None:
        """Offer nothing and take nothing."""
        self.i_valid.value = 0
        self.o_ready.value = 0


class Exchange:
    """Words through one component, until all went in and the scoreboard is complete, or so many cycles passed.

    After the last word some cycles more are watched for words too many.

    Parameters
    ----------
    ports
        Of the component.
    words
        Payloads to send.
    scoreboard
        Takes the results.
    seed
        Of the profiles.
    idle, stall
        When words are offered, and when results are taken.
    cycles
        The end, complete or not; none when left out.
    is_held
        Whether no result is taken before all words are in, or none was accepted for :data:`FULL_CYCLES`.

    Attributes
    ----------
    accepted, offered : list of int
        Cycles of the exchange, from 0, in which each word was accepted, and each result first offered.
    """

    def __init__(
        self,
        ports: StreamPorts,
        words: Sequence[int],
        scoreboard: Scoreboard,
        *,
        seed: int = 0,
        idle: Profile = PROFILES["always"],
        stall: Profile = PROFILES["always"],
        cycles: int | None = None,
        is_held: bool = False,
    ) -> None:
        rng = random.Random(seed)
        self._ports, self._words, self._scoreboard, self._limit = ports, words, scoreboard, cycles
        self._offers, self._takes = idle.start(rng), stall.start(rng)
        self._is_held = is_held
        self._sent = self._cycle = self._quiet = self._tail = 0
        self._is_offering = self._is_taking = self._was_ready = self._was_valid = False
        self._waiting: int | None = None
        self.accepted: list[int] = []
        self.offered: list[int] = []

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to drive."""
        return self._tail >= TAIL_CYCLES or self._cycle == self._limit

    def drive(self) -> None:
        """Set the inputs of this cycle."""
        if self.is_over:
            self._ports.rest()
            return
        self._tail += self._is_complete
        if not self._is_offering and self._offers(self._was_ready) and self._sent < len(self._words):
            self._is_offering = True
            self._ports.i_payload.value = self._words[self._sent]
        self._is_held = self._is_held and self._quiet < FULL_CYCLES and self._sent < len(self._words)
        self._is_taking = self._takes(self._was_valid) and not self._is_held
        self._ports.i_valid.value = int(self._is_offering)
        self._ports.o_ready.value = int(self._is_taking)

    def sample(self) -> None:
        """Look at the outputs of this cycle.

        Raises
        ------
        AssertionError
            If a result is wrong, a payload changes while it waits, *valid* falls, an output is X, or nothing moves.
        """
        if self.is_over:
            return
        ready, valid = bool(self._read(self._ports.i_ready)), bool(self._read(self._ports.o_valid))
        word = self._read(self._ports.o_payload) if valid else None
        if self._waiting is not None and word != self._waiting:
            what = "valid fell" if word is None else "the payload changed"
            raise AssertionError(f"{self._where()}{what} before the word was accepted")
        if valid and self._waiting is None:
            self.offered.append(self._cycle)
        taken = word is not None and self._is_taking
        self._waiting = None if taken else word
        if taken:
            self._take(word)
        accepted = self._is_offering and ready
        if accepted:
            self.accepted.append(self._cycle)
            self._sent += 1
            self._is_offering = False
        self._was_ready, self._was_valid = ready, valid
        self._watch(moved=taken or accepted)
        self._cycle += 1

    @property
    def _is_complete(self) -> bool:
        return self._scoreboard.is_complete and self._sent == len(self._words)

    def _take(self, word: int | None) -> None:
        assert word is not None
        try:
            self._scoreboard.put(word)
        except AssertionError as error:
            raise AssertionError(f"{self._where()}{error}") from None

    def _watch(self, *, moved: bool) -> None:
        self._quiet = 0 if moved or self._is_complete else self._quiet + 1
        if self._quiet > PATIENCE_CYCLES:
            got, expected = len(self._scoreboard.got), len(self._scoreboard.expected)
            missing = f"{self._sent} of {len(self._words)} words in, {got} of {expected} out"
            raise AssertionError(f"{self._where()}nothing moves; {missing}")

    def _read(self, port: Any) -> int:
        value = port.value
        if not value.is_resolvable:
            raise AssertionError(f"{self._where()}{port._name} must have no X, not {value}")
        return int(value)

    def _where(self) -> str:
        return f"{self._ports.name + ', ' if self._ports.name else ''}cycle {self._cycle}: "


async def start(dut: Any, parts: Sequence[StreamPorts]) -> None:
    """Start the clock and reset all parts."""
    Clock(dut.clk, 10, "ns").start()
    for part in parts:
        part.i_payload.value = 0
    await reset(dut, parts)


async def reset(dut: Any, parts: Sequence[StreamPorts], cycles: int = 2) -> None:
    """Hold ``rst`` for so many cycles; what is in the parts is lost."""
    for part in parts:
        part.rest()
    dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


async def run(dut: Any, exchanges: Sequence[Exchange]) -> None:
    """Let exchanges with different parts go on side by side until all are over."""
    while not all(exchange.is_over for exchange in exchanges):
        for exchange in exchanges:
            exchange.drive()
        await ReadOnly()
        for exchange in exchanges:
            exchange.sample()
        await RisingEdge(dut.clk)
    for exchange in exchanges:
        exchange.drive()


async def set_up(dut: Any, part: StreamPorts, steps: Sequence[Mapping[str, int]]) -> None:
    """Give other inputs of a part their values, a mapping a cycle: a table's entries; where none is named, 0."""
    names = {name for step in steps for name in step}
    for step in (*steps, {}):
        for name in names:
            part.port(name).value = step.get(name, 0)
        await RisingEdge(dut.clk)
