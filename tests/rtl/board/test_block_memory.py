"""A memory with two masters and a host: what is read is what was written, whoever asks and however it stalls."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.board.block_memory import DECODE_ERROR, BlockMemory

BYTES = 1536


async def write_burst(ctx: Any, memory: BlockMemory, rng: random.Random, content: bytearray, address: int) -> int:
    """Write some beats with some strobes, and return the response."""
    beat = len(memory.m_axi_wdata) // 8
    beats = rng.randint(1, 9)
    ctx.set(memory.m_axi_awaddr, address)
    ctx.set(memory.m_axi_awvalid, 1)
    await ctx.tick().until(memory.m_axi_awready)
    ctx.set(memory.m_axi_awvalid, 0)
    for place in range(beats):
        while rng.random() < 0.3:
            await ctx.tick()
        word, strobes = rng.randbytes(beat), rng.getrandbits(beat)
        for lane in range(beat):
            if strobes >> lane & 1 and address < BYTES:
                content[address + beat * place + lane] = word[lane]
        ctx.set(memory.m_axi_wdata, int.from_bytes(word, "little"))
        ctx.set(memory.m_axi_wstrb, strobes)
        ctx.set(memory.m_axi_wlast, place == beats - 1)
        ctx.set(memory.m_axi_wvalid, 1)
        await ctx.tick().until(memory.m_axi_wready)
        ctx.set(memory.m_axi_wvalid, 0)
    ctx.set(memory.m_axi_bready, 1)
    (response,) = await ctx.tick().sample(memory.m_axi_bresp).until(memory.m_axi_bvalid)
    ctx.set(memory.m_axi_bready, 0)
    return int(response)


async def read_burst(
    ctx: Any, memory: BlockMemory, prefix: str, rng: random.Random, address: int, beats: int
) -> tuple[bytes, set[int]]:
    """Return what comes, and the responses."""
    port = {name: getattr(memory, f"{prefix}_{name}") for name in (
        "araddr", "arlen", "arvalid", "arready", "rdata", "rresp", "rlast", "rvalid", "rready",
    )}  # fmt: skip
    ctx.set(port["araddr"], address)
    ctx.set(port["arlen"], beats - 1)
    ctx.set(port["arvalid"], 1)
    await ctx.tick().until(port["arready"])
    ctx.set(port["arvalid"], 0)
    came, responses = b"", set()
    for place in range(beats):
        while rng.random() < 0.3:
            await ctx.tick()
        ctx.set(port["rready"], 1)
        word, last, response = await ctx.tick().sample(port["rdata"], port["rlast"], port["rresp"]).until(
            port["rvalid"]
        )  # fmt: skip
        ctx.set(port["rready"], 0)
        assert last == (place == beats - 1)
        came += word.to_bytes(len(port["rdata"]) // 8, "little")
        responses.add(int(response))
    return came, responses


async def host_byte(ctx: Any, memory: BlockMemory, address: int, write: int | None = None) -> int:
    ctx.set(memory.address, address)
    ctx.set(memory.write_byte, write or 0)
    wants = memory.reads if write is None else memory.writes
    ctx.set(wants, 1)
    (byte,) = await ctx.tick().sample(memory.read_byte).until(memory.done)
    ctx.set(wants, 0)
    return int(byte)


def simulate(memory: BlockMemory, *benches: Any) -> None:
    simulator = Simulator(memory)
    simulator.add_clock(1e-8)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("data_bits", [32, 64])
def test_everybody_reads_what_everybody_wrote(data_bits: int, seed: int) -> None:
    memory = BlockMemory(memory_bytes=BYTES, data_bits=data_bits)
    content = bytearray(BYTES)
    beat = data_bits // 8
    written: list[bool] = []

    async def writer(ctx: Any) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            assert await write_burst(ctx, memory, rng, content, beat * rng.randrange(BYTES // beat - 9)) == 0
            address, byte = rng.randrange(BYTES), rng.randrange(256)
            await host_byte(ctx, memory, address, byte)
            content[address] = byte
        written.append(True)

    def reader(prefix: str, beat: int) -> Any:
        async def read(ctx: Any) -> None:
            rng = random.Random(f"{seed} {prefix}")
            while not written:
                await ctx.tick()
            for _ in range(25):
                beats = rng.randint(1, 12)
                address = beat * rng.randrange(BYTES // beat - beats)
                came, responses = await read_burst(ctx, memory, prefix, rng, address, beats)
                assert (came, responses) == (content[address : address + beat * beats], {0})

        return read

    async def host(ctx: Any) -> None:
        rng = random.Random(f"{seed} host")
        while not written:
            await ctx.tick()
        for _ in range(40):
            address = rng.randrange(BYTES)
            assert await host_byte(ctx, memory, address) == content[address]

    simulate(memory, writer, reader("m_axi", beat), reader("p_axi", 8), host)


def test_a_beat_a_cycle() -> None:
    memory = BlockMemory(memory_bytes=BYTES, data_bits=64)

    async def bench(ctx: Any) -> None:
        ctx.set(memory.p_axi_arlen, 63)
        ctx.set(memory.p_axi_arvalid, 1)
        ctx.set(memory.p_axi_rready, 1)
        await ctx.tick().until(memory.p_axi_arready)
        ctx.set(memory.p_axi_arvalid, 0)
        await ctx.tick().until(memory.p_axi_rvalid)
        for _ in range(62):
            assert ctx.get(memory.p_axi_rvalid)
            assert not ctx.get(memory.p_axi_rlast)
            await ctx.tick()
        assert ctx.get(memory.p_axi_rlast)

    simulate(memory, bench)


@pytest.mark.parametrize("address", [BYTES, 1 << 20, 0xFFFF_FFF8])
def test_what_is_not_there_is_answered_with_an_error(address: int, seed: int) -> None:
    memory = BlockMemory(memory_bytes=BYTES, data_bits=64)

    async def bench(ctx: Any) -> None:
        rng = random.Random(seed)
        assert await write_burst(ctx, memory, rng, bytearray(), address) == DECODE_ERROR
        _, responses = await read_burst(ctx, memory, "m_axi", rng, address, 4)
        assert responses == {DECODE_ERROR}
        came, _ = await read_burst(ctx, memory, "m_axi", rng, 0, 64)
        assert not any(came)

    simulate(memory, bench)


def test_what_cannot_be_is_refused() -> None:
    refuses("memory_bytes of a block memory must be a multiple of 8, not 1020", BlockMemory, memory_bytes=1020,
            data_bits=64)  # fmt: skip
    refuses("data_bits of a block memory must be 32 or 64, not 128", BlockMemory, memory_bytes=1024, data_bits=128)
