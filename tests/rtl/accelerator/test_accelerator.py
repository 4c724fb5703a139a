"""The whole machine in Amaranth's simulator: a program of a load, lanes and a store, and one that is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.accelerator import Accelerator
from vitaccel_rtl.accelerator.control_map import PARAMETERS, START, error_code
from vitaccel_rtl.accelerator.fetch import GEOMETRY
from vitaccel_rtl.axi import Geometry
from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory, WriteMemory
from vitaccel_sim.bench.dma_jobs import limits_of

SIDE = 4
MACHINE = {
    "side": SIDE, "arrays": 1, "activation_words": 128, "weight_words": 64, "parameter_sets": 16, "logit_words": 64,
    "moment_blocks": 0, "numerics": 8 | 8 << 8 | 6 << 16, "features": 0,
}  # fmt: skip
MEMORY = {"data_bits": 64, "burst_beats": 4, "outstanding": 2, "address_bits": 32}
PROGRAM, SOURCE, TARGET, BYTES = 0x1000, 0x40, 0x800, 64
PATIENCE = 3000
IS_DONE = 2


def accelerator() -> Accelerator:
    root = Rsqrt()
    softmax = {**powers_of(6), "numerator_bits": 8, "sum_bits": 28, "reciprocal": reciprocal_of(Reciprocal())}
    rsqrt = {"table": root.table, "entry_bits": root.entry_bits, "centre": root.centre}
    return Accelerator(machine=MACHINE, softmax=softmax, rsqrt=rsqrt, memory=MEMORY)


def program(**header: int) -> bytes:
    """Load words, copy them in the buffer, and store the copy."""
    words = BYTES // SIDE
    row = {"rows": 1, "row_bytes": BYTES, "stride_bytes": BYTES, "row_words": words}
    copy = {"function": 0, "row_blocks": 1, "channels": words, "last_rows": SIDE, "tiles": 1, "a": 8, "out": 64}
    instructions = [
        isa.LOAD.encode({"dram": SOURCE, "address": 8, **row}),
        isa.LANE.encode({"wait_load": 1, **copy, "interval": 2, "result": 10}),
        isa.STORE.encode({"wait_vector": 1, "dram": TARGET, "address": 64, **row}),
    ]
    values = {"magic": isa.MAGIC, "version": isa.VERSION, "instructions": len(instructions), **MACHINE, **header}
    assert {field.name for field in PARAMETERS} == set(MACHINE)
    start = b"".join(values[field.name].to_bytes(4, "little") for field in isa.HEADER).ljust(isa.HEADER_BYTES, b"\0")
    return start + b"".join(word.to_bytes(4, "little") for each in instructions for word in each)


class Host:
    """Starts a program, serves the memories of both buses, and reads registers at the end."""

    def __init__(self, content: bytearray) -> None:
        self.machine = accelerator()
        self.address = {register.name: register.address for register in self.machine.registers}
        geometry = Geometry(**MEMORY, word_bytes=SIDE, align_bytes=1)
        behaviour = Behaviour(latency=3)
        self.sides = [
            (prefix, kind(limits=limits_of(of), content=content, behaviour=behaviour, rng=random.Random(1)))
            for prefix, kind, of in (
                ("m_axi_", ReadMemory, geometry),
                ("m_axi_", WriteMemory, geometry),
                ("p_axi_", ReadMemory, GEOMETRY),
            )
        ]
        self.cycle = 0
        self.interrupted = False
        self.found: dict[str, int] = {}

    def run(self, *names: str) -> dict[str, int]:
        """Run the program, and return registers by name."""

        async def bench(ctx: Any) -> None:
            await self.write(ctx, "program", PROGRAM)
            await self.write(ctx, "interrupt_enable", 3)
            await self.write(ctx, "control", 1 << START)
            while not self.interrupted:
                assert self.cycle < PATIENCE, "the run must end"
                await self.tick(ctx)
            while await self.read(ctx, "status") & 1:
                assert self.cycle < PATIENCE, "the machine must come to rest"
            self.found = {name: await self.read(ctx, name) for name in names}

        simulator = Simulator(self.machine)
        simulator.add_clock(PERIOD)
        simulator.add_testbench(bench)
        simulator.run()
        return self.found

    async def tick(self, ctx: Any) -> None:
        for prefix, memory in self.sides:
            for name, value in memory.drive(self.cycle).items():
                ctx.set(getattr(self.machine, f"{prefix}{name}"), value)
        self.interrupted |= bool(ctx.get(self.machine.interrupt))
        for prefix, memory in self.sides:
            values = tuple(ctx.get(getattr(self.machine, f"{prefix}{name}")) for name in memory.outputs)
            memory.sample(values, self.cycle)
        await ctx.tick()
        self.cycle += 1

    async def write(self, ctx: Any, name: str, value: int) -> None:
        of = {"awaddr": self.address[name], "wdata": value, "wstrb": 0xF, "awvalid": 1, "wvalid": 1, "bready": 1}
        for part, given in of.items():
            ctx.set(getattr(self.machine, f"s_axi_{part}"), given)
        await self.tick(ctx)
        for part in ("awvalid", "wvalid"):
            ctx.set(getattr(self.machine, f"s_axi_{part}"), 0)
        while not ctx.get(self.machine.s_axi_bvalid):
            await self.tick(ctx)
        await self.tick(ctx)

    async def read(self, ctx: Any, name: str) -> int:
        ctx.set(self.machine.s_axi_araddr, self.address[name])
        ctx.set(self.machine.s_axi_arvalid, 1)
        await self.tick(ctx)
        ctx.set(self.machine.s_axi_arvalid, 0)
        while not ctx.get(self.machine.s_axi_rvalid):
            await self.tick(ctx)
        value: int = ctx.get(self.machine.s_axi_rdata)
        ctx.set(self.machine.s_axi_rready, 1)
        await self.tick(ctx)
        return value


def memory_with(image: bytes, seed: int) -> bytearray:
    content = bytearray(1 << 13)
    content[SOURCE : SOURCE + BYTES] = random.Random(seed).randbytes(BYTES)
    content[PROGRAM : PROGRAM + len(image)] = image
    return content


def test_words_go_through_every_engine_but_the_array(seed: int) -> None:
    content = memory_with(program(), seed)
    found = Host(content).run("status", "completed_load", "completed_vector", "completed_store", "completed_compute")
    assert found.pop("status") == IS_DONE
    assert [*found.values()] == [1, 1, 1, 0]
    assert content[TARGET : TARGET + BYTES] == content[SOURCE : SOURCE + BYTES]


@pytest.mark.parametrize(
    ("header", "error"),
    [({"version": 99}, "version"), ({"logit_words": 128}, "machine"), ({"features": 1}, "machine")],
)
def test_a_program_of_another_machine_is_refused(header: dict[str, int], error: str, seed: int) -> None:
    content = memory_with(program(**header), seed)
    found = Host(content).run("status", "completed_load", "completed_store")
    assert found == {"status": error_code(error) << 4, "completed_load": 0, "completed_store": 0}
    assert not any(content[TARGET : TARGET + BYTES])
