"""A machine with the ports of the accelerator that only copies: its program says from where to where."""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from vitaccel_rtl.axi import Geometry, read_ports, write_ports
from vitaccel_rtl.axi_lite import AxiLiteSignature, flat_members
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_timing import Job
from vitaccel_rtl.dma_write import DmaWrite
from vitaccel_rtl.fifo import StreamFifo
from vitaccel_rtl.realign import bytes_layout
from vitaccel_rtl.register_map import Field, Register, address_bits
from vitaccel_rtl.registers import Registers
from vitaccel_sim.accelerator.inside import Inside
from vitaccel_sim.accelerator.system import build_system
from vitaccel_sim.model import Model

BREAKS = (
    "nothing",
    "no last",
    "last too early",
    "page",
    "place in beat",
    "outside",
    "address changes",
    "data change",
    "valid falls",
    "burst type",
    "beat size",
    "wrong word",
)
"""Rules of AXI that it breaks on purpose, by the number in the register ``broken``; and the last: a word is not copied
right, which is no rule of AXI."""

WRONG_WORD = 21
"""Which word that is."""

ERRORS = ("none", "program", "read", "write")
_BOTH = (Field(name="done", low=0), Field(name="error", low=1))
_CAUSES = ", ".join(f"{number}: {name}" for number, name in enumerate(ERRORS))
_STATUS = (Field(name="busy", low=0), Field(name="done", low=1), Field(name="error", low=4, bits=2, summary=_CAUSES))
_CONTROL = (Field(name="start", low=0), Field(name="stop", low=1))
JOBS = ("program", "read", "write")

REGISTERS = (
    Register(name="control", address=0x08, access="write-pulse", bits=2, fields=_CONTROL),
    Register(name="status", address=0x0C, access="read-only", bits=6, fields=_STATUS),
    Register(name="program", address=0x10),
    Register(name="interrupt_enable", address=0x14, bits=2, fields=_BOTH),
    Register(name="interrupt_pending", address=0x18, access="write-1-to-clear", bits=2, fields=_BOTH),
    Register(name="cycles_low", address=0x20, access="read-only"),
    Register(name="cycles_high", address=0x24, access="read-only"),
    *(Register(name=f"{job}_cycles", address=0x28 + 4 * at, access="read-only") for at, job in enumerate(JOBS)),
    Register(name="completed_load", address=0x40, access="read-only"),
    Register(name="completed_store", address=0x4C, access="read-only"),
    Register(name="broken", address=0x50, bits=4),
)
"""The part of the accelerator's map that a driver needs; and cycles from the acceptance of each job to its status, jobs
that were completed, and what is broken."""

PROGRAM_BYTES = 16
PROGRAM_GEOMETRY = Geometry(data_bits=64, word_bytes=8)
MOST_WORDS = 2048
"""Of a copy: they are all on chip between reading and writing."""

_LITE = AxiLiteSignature(address_bits=address_bits(REGISTERS))


def program(source: Job, destination: int) -> bytes:
    """Return the program that copies the rows of a job, to the same distances from each other."""
    sizes = source.rows | source.row_bytes << 16 | source.stride_bytes << 40
    return struct.pack("<IIQ", source.address, destination, sizes)


INSIDE = Inside(
    banks=(("vitaccel.words.queue", "storage"),),
    counters={"load": ("vitaccel", "counts__0"), "store": ("vitaccel", "counts__3")},
)
"""Words wait in the queue's memory, from its beginning on if there was a reset before."""


def loopback_model(point: Mapping[str, int], *, waves: bool = False) -> Model:
    """Return a model of a :class:`Loopback` that has not run."""
    return _built(tuple(sorted(point.items())), waves).another(seed=1)


@functools.cache
def _built(point: tuple[tuple[str, int], ...], waves: bool) -> Model:
    return build_system(Loopback(**dict(point)), waves=waves, visible=INSIDE.visible, optimize="-O1")


class Loopback(wiring.Component):
    """Reads all words of the program's job, then writes them."""

    def __init__(self, **geometry: int) -> None:
        self._geometry = Geometry(**geometry)
        reads = {name.replace("m_axi", "p_axi"): port for name, port in read_ports(PROGRAM_GEOMETRY).items()}
        super().__init__(
            {
                **flat_members(_LITE.flip(), "s_axi"),
                **read_ports(self._geometry),
                **write_ports(self._geometry),
                **reads,
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._geometry
        names = ("data_bits", "word_bytes", "burst_beats", "outstanding", "align_bytes")
        parameters = {name: getattr(shape, name) for name in names}
        m.submodules.registers = registers = Registers(REGISTERS)
        m.submodules.fetch = fetch = DmaRead(data_bits=64, word_bytes=8)
        m.submodules.read = read = DmaRead(**parameters)
        m.submodules.write = write = DmaWrite(**parameters)
        m.submodules.words = words = StreamFifo(bytes_layout(shape.word_bytes), depth=MOST_WORDS)
        self._join(m, registers, flat_members(_LITE.flip(), "s_axi"))
        self._join(m, fetch, read_ports(PROGRAM_GEOMETRY), prefix="p_axi")
        self._join(m, read, read_ports(shape))
        self._join(m, write, write_ports(shape))
        number = Signal(range(MOST_WORDS))
        is_wrong = (registers.broken == BREAKS.index("wrong word")) & (number == WRONG_WORD)
        with m.If(read.o.valid):
            m.d.sync += number.eq(number + 1)
        m.d.comb += [
            words.i.payload.as_value().eq(read.o.p.lanes.as_value() ^ is_wrong << 17),
            words.i.valid.eq(read.o.valid),
            read.o.ready.eq(words.i.ready),
            self.interrupt.eq((registers.interrupt_pending & registers.interrupt_enable).any()),
        ]
        wiring.connect(m, words.o, write.words)
        self._describe(m, registers, fetch, read, write)
        self._sequence(m, registers, fetch, read, write)
        self._break(m, registers.broken, read, write)
        return m

    def _join(self, m: Module, part: wiring.Component, ports: dict[str, Any], *, prefix: str = "m_axi") -> None:
        for name, port in ports.items():
            outer, inner = getattr(self, name.replace("m_axi", prefix)), getattr(part, name)
            m.d.comb += outer.eq(inner) if port.flow == Out else inner.eq(outer)

    def _describe(self, m: Module, registers: Registers, fetch: DmaRead, read: DmaRead, write: DmaWrite) -> None:
        """The descriptors: of the program, and of what it says."""
        text = Signal(8 * PROGRAM_BYTES)
        with m.If(fetch.o.valid):
            m.d.sync += text.eq(Cat(text[64:], fetch.o.p.lanes))
        m.d.comb += [
            fetch.o.ready.eq(1),
            fetch.i.p.address.eq(registers.program),
            fetch.i.p.rows.eq(1),
            fetch.i.p.row_bytes.eq(PROGRAM_BYTES),
        ]
        for engine, low in ((read, 0), (write, 32)):
            m.d.comb += engine.i.payload.as_value().eq(Cat(text[low : low + 32], text[64:]))

    def _sequence(self, m: Module, registers: Registers, fetch: DmaRead, read: DmaRead, write: DmaWrite) -> None:
        now, cycles, done, error = Signal(32), Signal(64), Signal(), Signal(2)
        busy = Signal()
        counts = {"read": Signal(24, name="counts__0"), "write": Signal(24, name="counts__3")}
        m.d.comb += [registers.completed_load.eq(counts["read"]), registers.completed_store.eq(counts["write"])]
        m.d.sync += now.eq(now + 1)
        m.d.comb += [
            registers.status.eq(Cat(busy, done, Const(0, 2), error)),
            registers.cycles_low.eq(cycles[:32]),
            registers.cycles_high.eq(cycles[32:]),
        ]
        with m.If(busy):
            m.d.sync += cycles.eq(cycles + 1)
        with m.FSM() as fsm:
            m.d.comb += busy.eq(~fsm.ongoing("idle"))
            with m.State("idle"), m.If(registers.control[0]):
                m.d.sync += [error.eq(0), done.eq(0), cycles.eq(0), counts["read"].eq(0), counts["write"].eq(0)]
                m.next = "program"
            jobs = (("program", fetch, "read"), ("read", read, "write"), ("write", write, "end"))
            for code, (name, engine, following) in enumerate(jobs, 1):
                with m.State(name):
                    m.d.comb += engine.i.valid.eq(1)
                    m.d.sync += now.eq(1)
                    with m.If(engine.i.ready):
                        m.next = f"{name} goes on"
                with m.State(f"{name} goes on"):
                    m.d.comb += engine.status.ready.eq(1)
                    with m.If(engine.status.valid):
                        m.d.sync += getattr(registers, f"{name}_cycles").eq(now)
                        m.next = following
                        if name in counts:
                            m.d.sync += counts[name].eq(counts[name] + 1)
                        with m.If(engine.status.p.error & (error == 0)):
                            m.d.sync += error.eq(code)
            with m.State("end"):
                m.d.comb += registers.interrupt_pending_set.eq(Cat(error == 0, error != 0))
                m.d.sync += done.eq(error == 0)
                m.next = "idle"

    def _break(self, m: Module, broken: Signal, read: DmaRead, write: DmaWrite) -> None:
        count = Signal(6)
        m.d.sync += count.eq(count + 1)
        wrong = {
            "no last": self.m_axi_wlast.eq(0),
            "last too early": self.m_axi_wlast.eq(1),
            "page": self.m_axi_araddr.eq(read.m_axi_araddr | 0xFC0),
            "place in beat": self.m_axi_araddr.eq(read.m_axi_araddr | 1),
            "outside": self.m_axi_awaddr.eq(write.m_axi_awaddr | 1 << 31),
            "address changes": self.m_axi_awaddr.eq(write.m_axi_awaddr ^ count << 6),
            "data change": self.m_axi_wdata.eq(write.m_axi_wdata ^ count),
            "valid falls": self.m_axi_wvalid.eq(write.m_axi_wvalid & count[0]),
            "burst type": self.m_axi_arburst.eq(0),
            "beat size": self.m_axi_awsize.eq(write.m_axi_awsize - 1),
        }
        with m.Switch(broken):
            for name, statement in wrong.items():
                with m.Case(BREAKS.index(name)):
                    m.d.comb += statement
