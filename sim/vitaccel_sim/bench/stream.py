"""A stream component in cocotb: words in under one profile, out under another, with the rules of a stream checked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel_sim.bench.profiles import PROFILES, Profile
from vitaccel_sim.bench.scoreboard import Scoreboard

PATIENCE_CYCLES = 2000
"""Cycles without a word in or out after which a component hangs; longer than any profile's silence."""


@dataclass(frozen=True)
class Exchange:
    """When words went through: cycles of the exchange, from 0, in which each was accepted and first offered."""

    accepted: tuple[int, ...]
    offered: tuple[int, ...]
    cycles: int


class StreamBench:
    """Drives the streams ``i`` and ``o`` of a component with one clock.

    Parameters
    ----------
    dut
        The top module: ports ``i__payload``, ``i__valid``, ``i__ready`` and so on, ``clk`` and ``rst``.
    seed
        Of the profiles.
    """

    def __init__(self, dut: Any, *, seed: int) -> None:
        self.dut = dut
        self._rng = random.Random(seed)

    async def start(self) -> None:
        """Start the clock and reset."""
        Clock(self.dut.clk, 10, "ns").start()
        self.dut.i__payload.value = 0
        await self.reset()

    async def reset(self, cycles: int = 2) -> None:
        """Hold ``rst`` for so many cycles; what is in the component is lost."""
        self.dut.i__valid.value = 0
        self.dut.o__ready.value = 0
        self.dut.rst.value = 1
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def exchange(
        self,
        words: Sequence[int],
        scoreboard: Scoreboard,
        *,
        idle: Profile = PROFILES["always"],
        stall: Profile = PROFILES["always"],
        cycles: int | None = None,
    ) -> Exchange:
        """Send words and take results until all went in and the scoreboard is complete, or so many *cycles* passed.

        After the last word some cycles more are watched for words too many.

        Raises
        ------
        AssertionError
            If a result is wrong, a payload changes while it waits, *valid* falls, an output is X, or nothing moves.
        """
        offers, takes = idle.start(self._rng), stall.start(self._rng)
        state = _State(words)
        tail = 0
        while tail < 12 and (cycles is None or state.cycle < cycles):
            tail += state.sent == len(words) and scoreboard.is_complete
            self._drive(state, offers(state.was_ready), takes(state.was_valid))
            await ReadOnly()
            self._sample(state, scoreboard)
            await RisingEdge(self.dut.clk)
        self.dut.i__valid.value = 0
        self.dut.o__ready.value = 0
        return Exchange(tuple(state.accepted), tuple(state.offered), state.cycle)

    def _drive(self, state: _State, offers: bool, takes: bool) -> None:
        if not state.is_offering and offers and state.sent < len(state.words):
            state.is_offering = True
            self.dut.i__payload.value = state.words[state.sent]
        self.dut.i__valid.value = int(state.is_offering)
        self.dut.o__ready.value = int(takes)
        state.is_taking = takes

    def _sample(self, state: _State, scoreboard: Scoreboard) -> None:
        ready, valid = self._bit("i__ready", state.cycle), self._bit("o__valid", state.cycle)
        word = self._word("o__payload", state.cycle) if valid else None
        if state.waiting is not None and word != state.waiting:
            what = "valid fell" if word is None else "the payload changed"
            raise AssertionError(f"cycle {state.cycle}: {what} before the word was accepted")
        if valid and state.waiting is None:
            state.offered.append(state.cycle)
        state.waiting = word if not state.is_taking else None
        if word is not None and state.is_taking:
            scoreboard.put(word)
        if state.is_offering and ready:
            state.accepted.append(state.cycle)
            state.sent += 1
        moved = (word is not None and state.is_taking) or (state.is_offering and ready)
        state.is_offering = state.is_offering and not ready
        state.was_ready, state.was_valid = ready, valid
        is_over = scoreboard.is_complete and state.sent == len(state.words)
        state.quiet = 0 if moved or is_over else state.quiet + 1
        if state.quiet > PATIENCE_CYCLES:
            missing = (
                f"{state.sent} of {len(state.words)} words in, {len(scoreboard.got)} of {len(scoreboard.expected)} out"
            )
            raise AssertionError(f"cycle {state.cycle}: nothing moves; {missing}")
        state.cycle += 1

    def _bit(self, port: str, cycle: int) -> bool:
        return bool(self._word(port, cycle))

    def _word(self, port: str, cycle: int) -> int:
        value = getattr(self.dut, port).value
        if not value.is_resolvable:
            raise AssertionError(f"cycle {cycle}: {port} must have no X, not {value}")
        return int(value)


class _State:
    """Of one exchange: what was sent, what waits, and what the last cycle saw."""

    def __init__(self, words: Sequence[int]) -> None:
        self.words = words
        self.sent = self.cycle = self.quiet = 0
        self.is_offering = self.is_taking = self.was_ready = self.was_valid = False
        self.waiting: int | None = None
        self.accepted: list[int] = []
        self.offered: list[int] = []
