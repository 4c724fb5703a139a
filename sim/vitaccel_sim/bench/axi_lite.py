"""An AXI4-Lite master in cocotb: five channels that idle and stall on their own, with the rules checked every cycle."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel_sim.bench.axi_rules import Watch
from vitaccel_sim.bench.ports import Acts, read
from vitaccel_sim.bench.profiles import PROFILES, Profile
from vitaccel_sim.bench.register_model import Write
from vitaccel_sim.bench.stream import PATIENCE_CYCLES, TAIL_CYCLES

SENT = {"aw": ("awaddr",), "w": ("wdata", "wstrb"), "ar": ("araddr",)}
ANSWERED = {"b": ("bresp",), "r": ("rdata", "rresp")}
CHANNELS = (*SENT, *ANSWERED)
PROTECTIONS = {"aw": "awprot", "ar": "arprot"}
"""Drawn for every transfer: a slave must not mind them."""


@dataclass
class Answers:
    """What a slave answered, and the cycles of that.

    Attributes
    ----------
    b, r : list
        Responses to writes; data and responses of reads.
    accepted : dict
        For each channel, when each of its transfers was.
    offered : dict
        For ``b`` and ``r``, when each answer was first offered.
    """

    b: list[int] = field(default_factory=list)
    r: list[tuple[int, int]] = field(default_factory=list)
    accepted: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in CHANNELS})
    offered: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in ANSWERED})


class AxiLiteMaster:
    """Drives ``s_axi_awaddr`` and so on of a component with one clock.

    Parameters
    ----------
    dut
        The top module, with ``clk`` and ``rst``.
    seed
        Of the profiles.
    prefix
        What the names of the ports begin with.
    """

    def __init__(self, dut: Any, *, seed: int, prefix: str = "s_axi") -> None:
        self._dut = dut
        self._prefix = prefix
        self._rng = random.Random(seed)

    async def start(self) -> None:
        """Start the clock and reset."""
        Clock(self._dut.clk, 10, "ns").start()
        for name in (*(wire for wires in SENT.values() for wire in wires), *PROTECTIONS.values()):
            self._port(name).value = 0
        await self.reset()

    async def reset(self, cycles: int = 2) -> None:
        """Hold ``rst`` for so many cycles while the master is silent."""
        self._rest()
        self._dut.rst.value = 1
        for _ in range(cycles):
            await RisingEdge(self._dut.clk)
        self._dut.rst.value = 0

    async def exchange(
        self,
        writes: Sequence[Write] = (),
        reads: Sequence[int] = (),
        *,
        profiles: Mapping[str, Profile] | None = None,
        cycles: int | None = None,
        watch: Callable[[int, bool], None] | None = None,
    ) -> Answers:
        """Do all writes and reads, side by side, or as much as so many *cycles* allow.

        Parameters
        ----------
        writes, reads
            What to do, in order.
        profiles
            By channel, when a transfer is offered or an answer taken; ``always`` for those left out.
        cycles
            The end, complete or not.
        watch
            Called in every cycle with its number, first with False (inputs may be set) and then with True (all signals
            are settled).

        Raises
        ------
        AssertionError
            If an answer changes while it waits or falls, an output is X, an answer is one too many, or nothing moves.
        """
        state = _Exchange(self, writes, reads, {name: self._acts(profiles, name) for name in CHANNELS})
        tail = 0
        while tail < TAIL_CYCLES and (cycles is None or state.cycle < cycles):
            state.drive()
            if watch is not None:
                watch(state.cycle, False)
            await ReadOnly()
            if watch is not None:
                watch(state.cycle, True)
            state.sample()
            tail += state.is_over
            await RisingEdge(self._dut.clk)
        self._rest()
        return state.answers

    def _acts(self, profiles: Mapping[str, Profile] | None, name: str) -> Acts:
        return (profiles or {}).get(name, PROFILES["always"]).start(self._rng)

    def _port(self, name: str) -> Any:
        return getattr(self._dut, f"{self._prefix}_{name}")

    def _rest(self) -> None:
        for name in SENT:
            self._port(f"{name}valid").value = 0
        for name in ANSWERED:
            self._port(f"{name}ready").value = 0


class _Exchange:
    """Of one exchange: what is still to be sent, what waits, and what the last cycle saw."""

    def __init__(
        self, master: AxiLiteMaster, writes: Sequence[Write], reads: Sequence[int], acts: Mapping[str, Acts]
    ) -> None:
        self._master, self._acts = master, acts
        self._queues: dict[str, deque[tuple[int, ...]]] = {
            "aw": deque((address,) for address, _, _ in writes),
            "w": deque((data, strobes) for _, data, strobes in writes),
            "ar": deque((address,) for address in reads),
        }
        self._expected = {"b": len(writes), "r": len(reads)}
        self._offering = dict.fromkeys(SENT, False)
        self._taking = dict.fromkeys(ANSWERED, False)
        self._other_was_active = dict.fromkeys(CHANNELS, False)
        self._watches = {name: Watch(name.upper()) for name in ANSWERED}
        self._quiet = 0
        self.cycle = 0
        self.answers = Answers()

    @property
    def is_over(self) -> bool:
        """Whether all answers came."""
        return (len(self.answers.b), len(self.answers.r)) == (self._expected["b"], self._expected["r"])

    def drive(self) -> None:
        """Set the inputs of a cycle."""
        for name, wires in SENT.items():
            acts = self._acts[name](self._other_was_active[name])
            if acts and not self._offering[name] and self._queues[name]:
                self._offering[name] = True
                for wire, value in zip(wires, self._queues[name][0], strict=True):
                    self._master._port(wire).value = value
                if name in PROTECTIONS:
                    self._master._port(PROTECTIONS[name]).value = self._master._rng.getrandbits(3)
            self._master._port(f"{name}valid").value = int(self._offering[name])
        for name in ANSWERED:
            self._taking[name] = self._acts[name](self._other_was_active[name])
            self._master._port(f"{name}ready").value = int(self._taking[name])

    def sample(self) -> None:
        """Look at the outputs of a cycle."""
        moved = [self._send(name) for name in SENT] + [self._take(name) for name in ANSWERED]
        self._quiet = 0 if any(moved) or self.is_over else self._quiet + 1
        if self._quiet > PATIENCE_CYCLES:
            raise AssertionError(f"cycle {self.cycle}: nothing moves; {self._progress()}")
        self.cycle += 1

    def _progress(self) -> str:
        done = self.answers
        return f"{len(done.b)} of {self._expected['b']} writes, {len(done.r)} of {self._expected['r']} reads answered"

    def _read(self, wire: str) -> int:
        return read(self._master._port(wire), self.cycle)

    def _send(self, name: str) -> bool:
        ready = bool(self._read(f"{name}ready"))
        self._other_was_active[name] = ready
        if not (ready and self._offering[name]):
            return False
        self._queues[name].popleft()
        self._offering[name] = False
        self.answers.accepted[name].append(self.cycle)
        return True

    def _take(self, name: str) -> bool:
        valid = self._read(f"{name}valid")
        self._other_was_active[name] = bool(valid)
        answer = tuple(self._read(wire) for wire in ANSWERED[name]) if valid else ()
        if valid and self._watches[name].held is None:
            self.answers.offered[name].append(self.cycle)
        if not self._watches[name].see(valid, self._taking[name], answer):
            return False
        self.answers.accepted[name].append(self.cycle)
        if name == "b":
            self.answers.b.append(answer[0])
        else:
            self.answers.r.append((answer[0], answer[1]))
        if len(getattr(self.answers, name)) > self._expected[name]:
            raise AssertionError(f"cycle {self.cycle}: {name.upper()}: an answer came that nobody asked for")
        return True
