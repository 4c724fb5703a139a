"""Requests of a host, byte by byte: what becomes of registers and memory, and what is answered."""

from __future__ import annotations

import random
from typing import Any

from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.board.host_link import ANSWER, HostLink

GAP = 40
"""Cycles from a byte to the next: memory has written the last one by then."""

QUIET = 500
"""Cycles after which a request has been answered: a host waits for that before it sends the next one."""


class Bench:
    """A link, registers and a memory that answer when they like, and a line that takes answers when it likes."""

    def __init__(self, seed: int) -> None:
        self.link = HostLink(register_bits=8, memory_bits=8)
        self.rng = random.Random(seed)
        self.registers: dict[int, int] = {}
        self.memory = bytearray(256)
        self.interrupt = 0

    def run(self, *requests: list[int | None]) -> bytes:
        """Send the bytes of requests, a break for every ``None``, and return the answers."""
        answers = bytearray()
        over: list[bool] = []

        async def send(ctx: Any) -> None:
            link = self.link
            for sent in requests:
                for byte in sent:
                    ctx.set(link.breaks if byte is None else link.valid, 1)
                    ctx.set(link.byte, byte or 0)
                    await ctx.tick()
                    ctx.set(link.breaks, 0)
                    ctx.set(link.valid, 0)
                    await ctx.tick().repeat(GAP)
                await ctx.tick().repeat(QUIET)
            over.append(True)

        async def take(ctx: Any) -> None:
            while not over:
                ctx.set(self.link.o.ready, self.rng.random() < 0.3)
                if ctx.get(self.link.o.valid) and ctx.get(self.link.o.ready):
                    answers.append(ctx.get(self.link.o.payload))
                await ctx.tick()

        async def remember(ctx: Any) -> None:
            while not over:
                await self._remember(ctx)

        async def register(ctx: Any) -> None:
            while not over:
                await self._serve(ctx)

        simulator = Simulator(self.link)
        simulator.add_clock(1e-8)
        for bench in (send, take, remember, register):
            simulator.add_testbench(bench)
        simulator.run()
        return bytes(answers)

    async def _remember(self, ctx: Any) -> None:
        """One cycle of the memory, which is done with what is asked of it in every second one on average."""
        link = self.link
        ctx.set(link.interrupt, self.interrupt)
        done = self.rng.random() < 0.5 and (ctx.get(link.writes) or ctx.get(link.reads))
        ctx.set(link.done, int(done))
        ctx.set(link.read_byte, self.memory[ctx.get(link.address)] if done else 0xEE)
        if done and ctx.get(link.writes):
            self.memory[ctx.get(link.address)] = ctx.get(link.write_byte)
        await ctx.tick()

    async def _serve(self, ctx: Any) -> None:
        """One read or write of a register, or a cycle without; address and data of a write come in any order."""
        bus = self.link.registers
        if ctx.get(bus.arvalid):
            address = await self._accept(ctx, bus.arready, bus.araddr)
            ctx.set(bus.rdata, self.registers.get(address, 0))
            await self._answer(ctx, bus.rvalid)
        elif ctx.get(bus.awvalid):
            order = [(bus.awready, bus.awaddr), (bus.wready, bus.wdata)]
            self.rng.shuffle(order)
            taken = {id(value): await self._accept(ctx, ready, value) for ready, value in order}
            self.registers[taken[id(bus.awaddr)]] = taken[id(bus.wdata)]
            await self._answer(ctx, bus.bvalid)
        else:
            await ctx.tick()

    async def _accept(self, ctx: Any, ready: Any, value: Any) -> int:
        await ctx.tick().repeat(self.rng.randint(1, 4))
        ctx.set(ready, 1)
        found = ctx.get(value)
        await ctx.tick()
        ctx.set(ready, 0)
        return int(found)

    async def _answer(self, ctx: Any, valid: Any) -> None:
        await ctx.tick().repeat(self.rng.randint(1, 4))
        ctx.set(valid, 1)
        await ctx.tick()
        ctx.set(valid, 0)


def request(kind: bytes, address: int = 0, value: int = 0, content: bytes = b"") -> list[int | None]:
    return [*kind, *address.to_bytes(4, "little"), *value.to_bytes(4, "little"), *content]


def test_registers_are_written_and_read(seed: int) -> None:
    bench = Bench(seed)
    answers = bench.run(request(b"W", 0x10, 0x1234_5678), request(b"R", 0x10), request(b"R", 0x14))
    assert answers == ANSWER + bytes.fromhex("78563412") + bytes(4)
    assert bench.registers == {0x10: 0x1234_5678}


def test_memory_is_loaded_and_fetched(seed: int) -> None:
    bench = Bench(seed)
    content = random.Random(seed).randbytes(20)
    assert bench.run(request(b"L", 100, 20, content), request(b"F", 98, 5)) == ANSWER + b"\0\0" + content[:3]
    assert bench.memory[100:120] == content


def test_an_interrupt_is_told(seed: int) -> None:
    bench = Bench(seed)
    bench.interrupt = 1
    assert bench.run(request(b"I")) == b"\x01"


def test_noise_is_skipped_and_a_break_begins_anew(seed: int) -> None:
    bench = Bench(seed)
    noise = [0, 0xFF, *request(b"I")]
    cut_off = [*request(b"R")[:4], None, *request(b"I")]
    assert bench.run(noise, cut_off, [*request(b"L", 9, 5, b"ab"), None], request(b"F", 9, 3)) == b"\0\0ab\0"


def test_what_cannot_be_is_refused() -> None:
    refuses("memory_bits of a host link must be an integer from 3 to 32, not 2", HostLink, register_bits=8,
            memory_bits=2)  # fmt: skip
