"""Blocks that take queues of routed tokens, in cocotb: jobs and entries go in, a memory answers, words come out.

Parameters of a run, as :func:`vitaccel_sim.benches.routed.routed_parameters` makes them, are JSON: ``streams``
(payloads by the name of the input),
``memory`` (address and word), ``expected`` (of the stream ``o`` or ``write``), ``address_bits``, ``met`` (bins).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.bench.memory import Memory
from vitaccel_sim.bench.ports import Sink, Source, read
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.scoreboard import Scoreboard
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

PATIENCE_CYCLES = 2000
TAIL_CYCLES = 40
"""Cycles after the last word in which one too many would show."""

Parameters = Mapping[str, Any]


class RoutedExchange:
    """One run of a block, until all words went in and out, or so many cycles passed.

    Parameters
    ----------
    dut
        The top module.
    parameters
        Of :func:`vitaccel_sim.benches.routed.routed_parameters`.
    seed
        Of profiles and of the memory.
    idle, stall
        Names of the profiles of all inputs, and of all outputs.
    answer
        Cycles of the memory's answers; random ones when left out.

    Attributes
    ----------
    accepted : dict of list of int
        By input, cycles in which words were accepted.
    offered : list of int
        Cycles in which results were first offered.
    busy : list of int
        Cycles in which ``busy`` was high, of a block that has it.
    """

    def __init__(
        self,
        dut: Any,
        parameters: Parameters,
        *,
        seed: int,
        idle: str = "always",
        stall: str = "always",
        answer: int | None = None,
    ) -> None:
        rng = random.Random(seed)
        self._dut = dut
        self._inputs = {
            name: Source(dut, name, words, PROFILES[idle].start(rng)) for name, words in parameters["streams"].items()
        }
        self._answers = Source(dut, "response", [], PROFILES[idle].start(rng))
        self._requests = Sink(dut, "request", PROFILES[stall].start(rng))
        self._results = Sink(dut, parameters["output"], PROFILES[stall].start(rng))
        self._is_writing = parameters["output"] == "write"
        self._address_bits = parameters["address_bits"]
        self._memory = Memory(dict(parameters["memory"]), rng, answer=answer)
        self._scoreboard = Scoreboard(parameters["expected"])
        self._quiet = 0
        self.busy: list[int] = []

    @property
    def accepted(self) -> dict[str, list[int]]:
        return {name: source.accepted for name, source in self._inputs.items()}

    @property
    def offered(self) -> list[int]:
        return self._results.offered

    async def run(self, cycles: int | None = None) -> None:
        """Run to the end, or for so many *cycles*.

        Raises
        ------
        AssertionError
            If a word is wrong or one too many, a rule of a stream is broken, or nothing moves.
        """
        cycle = tail = 0
        sides = (*self._inputs.values(), self._answers, self._requests, self._results)
        while tail < TAIL_CYCLES and (cycles is None or cycle < cycles):
            self._answers.words.extend(self._memory.answers(cycle))
            for side in sides:
                side.drive()
            await ReadOnly()
            is_over = self._sample(cycle)
            tail = tail + 1 if is_over else 0
            await RisingEdge(self._dut.clk)
            cycle += 1
        for side in sides:
            side.rest()

    def _sample(self, cycle: int) -> bool:
        """Take what happens in a cycle; return whether everything is done."""
        moved = [source.sample(cycle) for source in (*self._inputs.values(), self._answers)]
        address, result = self._requests.sample(cycle), self._results.sample(cycle)
        if address is not None:
            self._memory.ask(address, cycle)
        if result is not None:
            self._scoreboard.put(result)
        if result is not None and self._is_writing:
            self._memory.write(result & (1 << self._address_bits) - 1, result >> self._address_bits)
        is_busy = self._is_writing and bool(read(self._dut.busy, cycle))
        if is_busy:
            self.busy.append(cycle)
        is_over = self._scoreboard.is_complete and not any(source.words for source in self._inputs.values())
        self._quiet = 0 if any(moved) or address is not None or result is not None or is_over else self._quiet + 1
        if self._quiet > PATIENCE_CYCLES:
            got, expected = len(self._scoreboard.got), len(self._scoreboard.expected)
            raise AssertionError(f"cycle {cycle}: nothing moves; {got} of {expected} words came")
        return is_over and not is_busy


class RoutedBench:
    """Runs by the names that parameters have, and the bins that they meet.

    Parameters
    ----------
    dut
        The top module.
    coverage
        Of the bench's module: each test adds to it.
    """

    def __init__(self, dut: Any, coverage: Coverage) -> None:
        self.parameters = bench_parameters()
        self._dut = dut
        self._coverage = coverage

    async def start(self) -> None:
        """Start the clock, and give every input a value."""
        Clock(self._dut.clk, 10, "ns").start()
        for name in (*self.parameters["short"]["streams"], "response"):
            getattr(self._dut, f"{name}__payload").value = 0
            getattr(self._dut, f"{name}__valid").value = 0

    async def exchange(self, what: str, *, cycles: int | None = None, **options: Any) -> RoutedExchange:
        """Reset, and do the run of this name to its end, or for so many *cycles*.

        Raises
        ------
        AssertionError
            As :meth:`RoutedExchange.run`, with the name and the options.
        """
        run = self.parameters[what]
        await self._reset()
        exchange = RoutedExchange(self._dut, run, seed=cocotb.RANDOM_SEED, **options)
        try:
            await exchange.run(cycles)
        except AssertionError as error:
            raise AssertionError(f"{what}, {options}: {error}") from None
        if cycles is None:
            self.hit(*(name for name, count in run["met"].items() if count))
        return exchange

    def hit(self, *names: str) -> None:
        """Count hits, and leave the counts for the process that started this one."""
        for name in names:
            self._coverage.hit(name)
        self._coverage.write(coverage_file())

    async def _reset(self, cycles: int = 2) -> None:
        self._dut.rst.value = 1
        for _ in range(cycles):
            await RisingEdge(self._dut.clk)
        self._dut.rst.value = 0
