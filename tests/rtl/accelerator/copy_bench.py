"""A load engine, a slot buffer and a store engine: DRAM to DRAM, over a buffer that nobody waits for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.sim import Simulator

from tests.rtl.accelerator.transfer_bench import WORDS, encoded
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.load_engine import CLIENT as LOAD_CLIENT
from vitaccel_rtl.accelerator.load_engine import LoadEngine
from vitaccel_rtl.accelerator.slot_buffer import SlotBuffer
from vitaccel_rtl.accelerator.store_engine import CLIENT as STORE_CLIENT
from vitaccel_rtl.accelerator.store_engine import StoreEngine
from vitaccel_rtl.accelerator.transfer import Times, Transfer
from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory, WriteMemory
from vitaccel_sim.bench.dma_jobs import limits_of


class Copy:
    """Runs pairs of instructions: a store starts as soon as it may after the load before it is done."""

    def __init__(self, point: dict[str, Any], content: bytearray, behaviour: Behaviour) -> None:
        self.load = LoadEngine(activation_words=WORDS, weight_words=8, parameter_sets=8, **point)
        self.store = StoreEngine(activation_words=WORDS, **point)
        memory = {"limits": limits_of(self.load.geometry), "content": content, "behaviour": behaviour}
        self.sides = (
            (self.load, ReadMemory(**memory, rng=random.Random(1))),
            (self.store, WriteMemory(**memory, rng=random.Random(2))),
        )
        self.times: list[list[Times]] = [[], []]

    def run(self, pairs: Sequence[tuple[Transfer, Transfer]]) -> None:
        """Run all pairs, one after the other, and note the times of loads and of stores."""
        m = Module()
        phase = Signal(3)
        m.submodules.load, m.submodules.store = self.load, self.store
        m.submodules.buffer = buffer = SlotBuffer(side=self.load.geometry.word_bytes, words=WORDS)
        m.d.sync += phase.eq(phase + 1)
        m.d.comb += [part.phase.eq(phase) for part in (self.load, self.store, buffer)]
        wiring.connect(m, self.load.activation, buffer.writes[LOAD_CLIENT])
        wiring.connect(m, self.store.activation, buffer.reads[STORE_CLIENT])

        async def bench(ctx: Any) -> None:
            self.cycle = 0
            for pair in pairs:
                for place, transfer in enumerate(pair):
                    self.times[place].append(await self._job(ctx, place, transfer))

        simulator = Simulator(m)
        simulator.add_clock(1e-8)
        simulator.add_testbench(bench)
        simulator.run()

    async def _job(self, ctx: Any, place: int, transfer: Transfer) -> Times:
        """Start an instruction as soon as it may, and wait until it is done."""
        engine = (self.load, self.store)[place]
        operation = (isa.LOAD, isa.STORE)[place]
        starts = -(-self.cycle // latency.SLOTS) * latency.SLOTS
        ctx.set(engine.i.payload.as_value(), encoded(operation, transfer, engine.geometry.word_bytes))
        while True:
            ctx.set(engine.i.valid, self.cycle == starts)
            if self.cycle == starts:
                assert ctx.get(engine.i.ready)
            cycle = self.cycle
            assert cycle < starts + 3000
            if await self._step(ctx, engine.done):
                break
        # The next one may start DONE_TO_START cycles after this one was done.
        while self.cycle < cycle + latency.DONE_TO_START:
            await self._step(ctx, engine.done)
        return Times(starts, cycle)

    async def _step(self, ctx: Any, done: Any) -> bool:
        """Serve both buses in a cycle, and return whether the engine told that it is done."""
        for engine, memory in self.sides:
            for name, value in memory.drive(self.cycle).items():
                ctx.set(getattr(engine, f"m_axi_{name}"), value)
        outputs = [getattr(engine, f"m_axi_{name}") for engine, memory in self.sides for name in memory.outputs]
        _, _, told, *values = await ctx.tick().sample(done, *outputs)
        for _, memory in self.sides:
            memory.sample(tuple(values[: len(memory.outputs)]), self.cycle)
            values = values[len(memory.outputs) :]
        self.cycle += 1
        return bool(told)
