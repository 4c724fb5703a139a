"""A serial line: bytes come out as they went in, at any pace; a break is told, and no byte is made of it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.board.serial import SerialReceiver, SerialTransmitter


class Loop(wiring.Component):
    """A transmitter and a receiver, whose clock may be another; the line can be held low between them."""

    def __init__(self, *, sends: int, receives: int) -> None:
        self.sends, self.receives = sends, receives
        super().__init__(
            {"i": In(stream.Signature(8)), "low": In(1), "valid": Out(1), "byte": Out(8), "breaks": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transmitter = transmitter = SerialTransmitter(cycles_per_bit=self.sends)
        m.submodules.receiver = receiver = SerialReceiver(cycles_per_bit=self.receives)
        wiring.connect(m, wiring.flipped(self.i), transmitter.i)
        m.d.comb += receiver.line.eq(transmitter.line & ~self.low)
        m.d.comb += [getattr(self, name).eq(getattr(receiver, name)) for name in ("valid", "byte", "breaks")]
        return m


def run(loop: Loop, content: bytes, *, gap: int = 0, low: range = range(0)) -> tuple[bytes, int]:
    """Return the bytes that came, and how many breaks."""
    came, breaks = bytearray(), 0

    async def bench(ctx: Any) -> None:
        nonlocal breaks
        sent, rest = 0, 0
        for cycle in range(12 * loop.sends * (len(content) + 2) + gap * len(content) + len(low) * 2):
            ctx.set(loop.low, cycle in low)
            offers = sent < len(content) and rest == 0
            ctx.set(loop.i.valid, offers)
            ctx.set(loop.i.payload, content[sent] if offers else 0)
            rest = max(0, rest - 1)
            if offers and ctx.get(loop.i.ready):
                sent, rest = sent + 1, gap
            if ctx.get(loop.valid):
                came.append(ctx.get(loop.byte))
            breaks += ctx.get(loop.breaks)
            await ctx.tick()

    simulator = Simulator(loop)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return bytes(came), breaks


@pytest.mark.parametrize("cycles", [4, 5, 16])
@pytest.mark.parametrize("gap", [0, 7])
def test_bytes_come_out_as_they_went_in(cycles: int, gap: int, seed: int) -> None:
    content = random.Random(seed).randbytes(20) + b"\x00\xff\x00"
    assert run(Loop(sends=cycles, receives=cycles), content, gap=gap) == (content, 0)


@pytest.mark.parametrize("other", [48, 52])
def test_clocks_may_differ_by_four_per_cent(other: int, seed: int) -> None:
    content = random.Random(seed).randbytes(5)
    assert run(Loop(sends=50, receives=other), content, gap=50) == (content, 0)


def test_a_break_is_told_once_and_is_no_byte() -> None:
    assert run(Loop(sends=4, receives=4), b"", low=range(10, 200)) == (b"", 1)


def test_a_glitch_is_nothing() -> None:
    assert run(Loop(sends=16, receives=16), b"\x5a", gap=1, low=range(400, 403)) == (b"\x5a", 0)


def test_what_cannot_be_is_refused() -> None:
    for kind in (SerialReceiver, SerialTransmitter):
        refuses("cycles of a bit must be an integer from 4 to 65536, not 3", kind, cycles_per_bit=3)
