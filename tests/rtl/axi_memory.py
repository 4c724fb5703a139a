"""An AXI4 memory for Amaranth's simulator: latencies, stalls, channels out of step, errors, and the rules of AXI."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

SLAVE_ERROR, DECODE_ERROR = 2, 3
PAGE = 4096


@dataclass(frozen=True)
class Behaviour:
    """How a memory answers: ``latency`` and up to ``jitter`` cycles more, each channel not ready so often.

    ``order`` is ``"data first"`` for a memory that accepts AW only after the data of the burst, and ``"address first"``
    for one that accepts no data before the address.
    """

    name: str = "fixed latency"
    latency: int = 5
    jitter: int = 0
    stall: float = 0.0
    order: str = "any"

    def __str__(self) -> str:
        return self.name


BEHAVIOURS = (
    Behaviour(),
    Behaviour("one cycle", latency=1),
    Behaviour("stalls", latency=3, jitter=9, stall=0.5),
    Behaviour("slow", latency=40, jitter=60, stall=0.1),
    Behaviour("data first", latency=2, stall=0.3, order="data first"),
    Behaviour("address first", latency=2, stall=0.3, order="address first"),
)


class RuleError(AssertionError):
    """A master broke a rule of AXI."""


@dataclass
class Watch:
    """A channel that the master drives: what it offers stays as it is until it is accepted."""

    name: str
    held: tuple[int, ...] | None = None

    def see(self, valid: int, ready: bool, payload: tuple[int, ...]) -> bool:
        """Return whether a word was accepted in this cycle."""
        if self.held is not None and not valid:
            raise RuleError(f"{self.name}: valid fell before it was accepted")
        if self.held is not None and payload != self.held:
            raise RuleError(f"{self.name}: the payload changed before it was accepted")
        self.held = payload if valid and not ready else None
        return bool(valid and ready)


def check_burst(name: str, address: int, beats: int, beat_bytes: int, longest: int) -> None:
    """Raise unless a burst is legal, and of whole beats."""
    if address % beat_bytes:
        raise RuleError(f"{name}: a burst must begin with a whole beat, not at {address:#x}")
    if beats > longest:
        raise RuleError(f"{name}: a burst must have at most {longest} beats, not {beats}")
    if address // PAGE != (address + beats * beat_bytes - 1) // PAGE:
        raise RuleError(f"{name}: {beats} beats at {address:#x} cross 4 KiB")


@dataclass
class Side:
    """What both sides of the memory share; the ``log`` says in which cycles of the bench what was accepted."""

    dut: Any
    content: bytearray
    behaviour: Behaviour
    rng: random.Random
    errors: dict[int, int] = field(default_factory=dict)
    log: dict[str, list[int]] = field(default_factory=lambda: {"address": [], "data": [], "answer": []})
    bursts: list[tuple[int, int]] = field(default_factory=list)
    in_flight: int = 0

    def __post_init__(self) -> None:
        self.geometry = self.dut.geometry
        self.beat_bytes = self.geometry.beat_bytes
        self.mask = len(self.content) - 1

    def port(self, name: str) -> Any:
        return getattr(self.dut, f"m_axi_{name}")

    def acts(self) -> bool:
        return self.rng.random() >= self.behaviour.stall

    def due(self, cycle: int) -> int:
        return cycle + self.behaviour.latency + self.rng.randint(0, self.behaviour.jitter)

    def announce(self, channel: str, cycle: int, fields: tuple[int, ...]) -> tuple[int, int]:
        """Check an address that was accepted, and return its address and beats."""
        address, length, size, burst = fields
        assert (1 << size, burst) == (self.beat_bytes, 1), f"size {size}, burst {burst}"
        check_burst(channel, address, length + 1, self.beat_bytes, self.geometry.longest_burst)
        self.log["address"].append(cycle)
        self.bursts.append((address, length + 1))
        self.in_flight += 1
        if self.in_flight > self.geometry.outstanding:
            raise RuleError(f"{channel}: {self.in_flight} bursts in flight")
        return address, length + 1

    def error_of(self, address: int) -> int:
        """Return the response of a beat: errors are given by the addresses of beats."""
        return self.errors.get(address & self.mask, 0)


class ReadSide(Side):
    """Channels AR and R."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.watch = Watch("AR")
        self.queue: list[list[int]] = []
        self.offered = False
        self.ready = False

    @property
    def outputs(self) -> list[Any]:
        names = ("arvalid", "araddr", "arlen", "arsize", "arburst", "rready")
        return [self.port(name) for name in names]

    def drive(self, ctx: Any, cycle: int) -> None:
        self.ready = self.acts()
        ctx.set(self.port("arready"), self.ready)
        if not self.offered and self.queue and self.queue[0][0] <= cycle and self.acts():
            _, address, beats = self.queue[0]
            at = address & self.mask
            ctx.set(self.port("rdata"), int.from_bytes(self.content[at : at + self.beat_bytes], "little"))
            ctx.set(self.port("rresp"), self.error_of(address))
            ctx.set(self.port("rlast"), beats == 1)
            self.offered = True
        ctx.set(self.port("rvalid"), self.offered)

    def sample(self, values: tuple[int, ...], cycle: int) -> None:
        valid, *fields, r_ready = values
        assert r_ready or not self.offered, "R was stalled"
        if self.offered:
            self.log["data"].append(cycle)
            self.offered = False
            self.queue[0][1] += self.beat_bytes
            self.queue[0][2] -= 1
            if not self.queue[0][2]:
                self.queue.pop(0)
                self.in_flight -= 1
        if self.watch.see(valid, self.ready, tuple(fields)):
            address, beats = self.announce("AR", cycle, tuple(fields))
            self.queue.append([self.due(cycle), address, beats])


class WriteSide(Side):
    """Channels AW, W and B."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.watch, self.watch_data = Watch("AW"), Watch("W")
        self.announced: list[tuple[int, int]] = []
        self.filled: list[list[tuple[int, int]]] = []
        self.beats: list[tuple[int, int]] = []
        self.answers: list[tuple[int, int]] = []
        self.offered = False
        self.ready = self.data_ready = False

    @property
    def outputs(self) -> list[Any]:
        names = ("awvalid", "awaddr", "awlen", "awsize", "awburst", "wvalid", "wdata", "wstrb", "wlast", "bready")
        return [self.port(name) for name in names]

    def drive(self, ctx: Any, cycle: int) -> None:
        self.ready, self.data_ready = self.acts(), self.acts()
        if self.behaviour.order == "data first":
            self.ready = self.ready and bool(self.filled)
        if self.behaviour.order == "address first":
            self.data_ready = self.data_ready and bool(self.announced)
        ctx.set(self.port("awready"), self.ready)
        ctx.set(self.port("wready"), self.data_ready)
        if not self.offered and self.answers and self.answers[0][0] <= cycle and self.acts():
            ctx.set(self.port("bresp"), self.answers[0][1])
            self.offered = True
        ctx.set(self.port("bvalid"), self.offered)

    def sample(self, values: tuple[int, ...], cycle: int) -> None:
        valid, *fields = values[:5]
        data_valid, data, strobe, last, b_ready = values[5:]
        if self.offered and b_ready:
            self.log["answer"].append(cycle)
            self.offered = False
            self.answers.pop(0)
            self.in_flight -= 1
        if self.watch.see(valid, self.ready, tuple(fields)):
            self.announced.append(self.announce("AW", cycle, tuple(fields)))
        if self.watch_data.see(data_valid, self.data_ready, (data, strobe, last)):
            self.log["data"].append(cycle)
            self.beats.append((data, strobe))
            if last:
                self.filled.append(self.beats)
                self.beats = []
        longest = self.announced[0][1] if self.announced and not self.filled else self.geometry.longest_burst
        if len(self.beats) >= longest:
            raise RuleError(f"W: {len(self.beats)} beats without WLAST, of a burst of {longest}")
        if self.announced and self.filled:
            self.answers.append((self.due(cycle), self._write(*self.announced.pop(0), self.filled.pop(0))))

    def _write(self, address: int, beats: int, data: list[tuple[int, int]]) -> int:
        """Put a burst into the memory and return its response."""
        if len(data) != beats:
            raise RuleError(f"W: WLAST after {len(data)} beats of a burst of {beats}")
        response = 0
        for beat, (value, strobe) in enumerate(data):
            at = (address + beat * self.beat_bytes) & self.mask
            response = max(response, self.error_of(at))
            for lane in range(self.beat_bytes):
                if strobe >> lane & 1:
                    self.content[at + lane] = value >> 8 * lane & 0xFF
        return response
