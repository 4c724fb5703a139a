"""An AXI4 memory, one side for reading and one for writing: latency, bandwidth, stalls, errors, channels out of step.

It knows no simulator. Each cycle a bench sets the ports that :meth:`drive` names, samples those of ``outputs``, and
hands them to :meth:`sample`; in Amaranth's simulator and in cocotb alike. What a master must not do raises a
:class:`vitaccel_sim.bench.axi_rules.RuleError`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from vitaccel_sim.bench.axi_rules import Limits, RuleError, Watch

SLAVE_ERROR, DECODE_ERROR = 2, 3


@dataclass(frozen=True)
class Behaviour:
    """How a memory answers.

    Parameters
    ----------
    name
        For reports.
    latency
        Cycles from a request (when writing, its address and data) to the first beat (the answer), 1 or more.
    jitter
        So many cycles more at most, drawn for each burst.
    stall
        How often a channel is not ready, or does not offer what it could.
    interval
        Cycles from one beat to the next at least: the bandwidth.
    order
        ``data first``: AW is accepted only after the data of its burst; ``address first``: no data before AW; ``any``.
    """

    name: str = "fixed latency"
    latency: int = 5
    jitter: int = 0
    stall: float = 0.0
    interval: int = 1
    order: str = "any"

    def __str__(self) -> str:
        return self.name


BEHAVIOURS = (
    Behaviour(),
    Behaviour("one cycle", latency=1),
    Behaviour("stalls", latency=3, jitter=9, stall=0.5),
    Behaviour("slow", latency=40, jitter=60, stall=0.1, interval=3),
    Behaviour("data first", latency=2, stall=0.3, order="data first"),
    Behaviour("address first", latency=2, stall=0.3, order="address first"),
)


@dataclass(kw_only=True)
class Memory:
    """What both sides have.

    Parameters
    ----------
    limits
        Of the master.
    content
        Bytes, a power of two of them; addresses wrap.
    behaviour
        How it answers.
    rng
        Source of its stalls.
    errors
        Responses by the address of a beat, within the content; OKAY where there is none.
    """

    limits: Limits
    content: bytearray
    behaviour: Behaviour
    rng: random.Random
    errors: dict[int, int] = field(default_factory=dict)
    bursts: list[tuple[int, int]] = field(default_factory=list, init=False)
    beats_at: list[int] = field(default_factory=list, init=False)
    in_flight: int = field(default=0, init=False)
    most_in_flight: int = field(default=0, init=False)
    offered: bool = field(default=False, init=False)
    ready: bool = field(default=False, init=False)

    @property
    def moves(self) -> int:
        """Grows with everything that is accepted."""
        return len(self.bursts) + len(self.beats_at) - self.in_flight

    def place(self, address: int) -> int:
        """Return where an address is in the content."""
        return address & len(self.content) - 1

    def acts(self) -> bool:
        """Draw whether a channel acts in this cycle."""
        return self.rng.random() >= self.behaviour.stall

    def can_move(self, cycle: int) -> bool:
        """Whether the bandwidth allows a beat in this cycle."""
        return not self.beats_at or cycle - self.beats_at[-1] >= self.behaviour.interval

    def due(self, cycle: int) -> int:
        """Draw when a burst of this cycle is answered."""
        return cycle + self.behaviour.latency + self.rng.randint(0, self.behaviour.jitter)

    def announce(self, channel: str, address: int, length: int, size: int, kind: int) -> None:
        """Check a burst that was accepted."""
        self.limits.check_burst(channel, address, length + 1, size, kind)
        self.bursts.append((address, length + 1))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.limits.check_in_flight(channel, self.in_flight)


@dataclass(kw_only=True)
class ReadMemory(Memory):
    """Channels AR and R."""

    outputs = ("arvalid", "araddr", "arlen", "arsize", "arburst", "rready")
    watch: Watch = field(default_factory=lambda: Watch("AR"), init=False)
    queue: list[list[int]] = field(default_factory=list, init=False)

    def drive(self, cycle: int) -> dict[str, int]:
        """Return the ports to set in this cycle, by name without ``m_axi_``."""
        self.ready = self.acts()
        ports = {"arready": int(self.ready)}
        if not self.offered and self.queue and self.queue[0][0] <= cycle and self.can_move(cycle) and self.acts():
            _, address, beats = self.queue[0]
            at = self.place(address)
            value = int.from_bytes(self.content[at : at + self.limits.beat_bytes], "little")
            ports |= {"rdata": value, "rresp": self.errors.get(at, 0), "rlast": int(beats == 1)}
            self.offered = True
        return {**ports, "rvalid": int(self.offered)}

    def sample(self, values: tuple[int, ...], cycle: int) -> None:
        """Take what the master drove in this cycle, as ``outputs`` names it."""
        valid, *burst, data_ready = values
        if self.offered and not data_ready:
            raise RuleError("R: a master that asks only for what it has room for must be ready")
        if self.offered:
            self.offered = False
            self.beats_at.append(cycle)
            self.queue[0][1] += self.limits.beat_bytes
            self.queue[0][2] -= 1
            if not self.queue[0][2]:
                self.queue.pop(0)
                self.in_flight -= 1
        if self.watch.see(valid, self.ready, tuple(burst)):
            self.announce("AR", *burst)
            self.queue.append([self.due(cycle), *self.bursts[-1]])


@dataclass(kw_only=True)
class WriteMemory(Memory):
    """Channels AW, W and B."""

    outputs = ("awvalid", "awaddr", "awlen", "awsize", "awburst", "wvalid", "wdata", "wstrb", "wlast", "bready")
    watch: Watch = field(default_factory=lambda: Watch("AW"), init=False)
    watch_data: Watch = field(default_factory=lambda: Watch("W"), init=False)
    announced: list[tuple[int, int]] = field(default_factory=list, init=False)
    filled: list[list[tuple[int, int]]] = field(default_factory=list, init=False)
    beats: list[tuple[int, int]] = field(default_factory=list, init=False)
    answers: list[tuple[int, int]] = field(default_factory=list, init=False)
    data_ready: bool = field(default=False, init=False)

    def drive(self, cycle: int) -> dict[str, int]:
        """Return the ports to set in this cycle, by name without ``m_axi_``."""
        order = self.behaviour.order
        self.ready = self.acts() and (order != "data first" or bool(self.filled))
        self.data_ready = self.acts() and self.can_move(cycle) and (order != "address first" or bool(self.announced))
        ports = {"awready": int(self.ready), "wready": int(self.data_ready)}
        if not self.offered and self.answers and self.answers[0][0] <= cycle and self.acts():
            ports["bresp"] = self.answers[0][1]
            self.offered = True
        return {**ports, "bvalid": int(self.offered)}

    def sample(self, values: tuple[int, ...], cycle: int) -> None:
        """Take what the master drove in this cycle, as ``outputs`` names it."""
        valid, *burst = values[:5]
        data_valid, data, strobe, last, answer_ready = values[5:]
        if self.offered and answer_ready:
            self.offered = False
            self.answers.pop(0)
            self.in_flight -= 1
        if self.watch.see(valid, self.ready, tuple(burst)):
            self.announce("AW", *burst)
            self.announced.append(self.bursts[-1])
        if self.watch_data.see(data_valid, self.data_ready, (data, strobe, last)):
            self.beats_at.append(cycle)
            self.beats.append((data, strobe))
            if last:
                self.filled.append(self.beats)
                self.beats = []
        if self.announced and self.filled:
            self.answers.append((self.due(cycle), self._write(*self.announced.pop(0), self.filled.pop(0))))
        longest = self.announced[0][1] if self.announced else self.limits.longest_burst
        if len(self.beats) >= longest:
            raise RuleError(f"W: no WLAST with beat {longest} of a burst")

    def _write(self, address: int, beats: int, data: list[tuple[int, int]]) -> int:
        """Put a burst into the memory and return its response."""
        if len(data) != beats:
            raise RuleError(f"W: WLAST with beat {len(data)} of a burst of {beats}")
        response = 0
        for beat, (value, strobe) in enumerate(data):
            at = self.place(address + beat * self.limits.beat_bytes)
            response = max(response, self.errors.get(at, 0))
            for lane in range(self.limits.beat_bytes):
                if strobe >> lane & 1:
                    self.content[at + lane] = value >> 8 * lane & 0xFF
        return response
