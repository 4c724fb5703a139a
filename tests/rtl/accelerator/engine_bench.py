"""An engine with the activation buffer and the parameter buffer around it, Verilated: words in, words out."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.compute_engine import ComputeEngine
from vitaccel_rtl.accelerator.decode import RAW
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.row_moments import ANSWERING, RowMoments, moments_port
from vitaccel_rtl.accelerator.set_memory import SetMemory
from vitaccel_rtl.accelerator.slot_buffer import SlotBuffer
from vitaccel_rtl.latency import SLOT_BUFFER, SLOTS
from vitaccel_rtl.layernorm import SQUARES_BITS, TOTAL_BITS
from vitaccel_sim.verilate import build

MOMENT_BLOCKS = 64
"""Row-blocks whose moments a bench has at a time."""

LOAD, LOOK = 4, 6
"""Clients of the bench: what writes words, what reads them."""


class EngineBench(wiring.Component):
    """The engine's clients begin at ``first_read`` and ``first_write`` of the buffer's, but for *others* of each."""

    def __init__(
        self,
        engine: Any,
        *,
        side: int,
        words: int,
        sets: int,
        first_read: int,
        first_write: int,
        others: tuple[dict[int, int], dict[int, int]] = ({}, {}),
        arrays: int = 1,
    ) -> None:
        self.arrays = arrays
        self.engine, self.side, self.words, self.sets = engine, side, words, sets
        self.first_read, self.first_write, self.others = first_read, first_write, others
        # What asks for moments has some that the bench takes; of what answers, Python asks.
        answers = isinstance(engine, ComputeEngine)
        self.is_asking = "asks" in engine.signature.members and not answers
        passed = ("weight_", "table_", "queue_", *(ANSWERING if answers else ()))
        self.passed = [name for name in engine.signature.members if name.startswith(passed)]
        super().__init__(
            {
                "i": In(stream.Signature(RAW)),
                "done": Out(1),
                "phase": Out(3),
                "load_valid": In(1),
                "load_line": In(range(words // SLOTS)),
                "load_word": In(8 * side),
                "look_line": In(range(words // SLOTS)),
                "look_word": Out(8 * side),
                "set_valid": In(1),
                "set_address": In(range(sets)),
                "set_word": In(64),
                **({"drained": In(moments_port(side))} if self.is_asking else {}),
                **{name: engine.signature.members[name] for name in self.passed},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.engine = engine = self.engine
        m.submodules.buffer = buffer = SlotBuffer(side=self.side, words=self.words)
        runs = list(engine.sets) if isinstance(engine, ComputeEngine) else [engine.sets]
        m.submodules.sets = sets = SetMemory(sets=self.sets, readers=len(runs))
        phase = Signal(3)
        m.d.sync += phase.eq(phase + 1)
        m.d.comb += [self.phase.eq(phase), engine.phase.eq(phase), buffer.phase.eq(phase), self.done.eq(engine.done)]
        wiring.connect(m, wiring.flipped(self.i), engine.i)
        for run, copy in zip(runs, sets.reads, strict=True):
            wiring.connect(m, run, copy)
        for place, client in enumerate(engine.reads):
            wiring.connect(m, client, buffer.reads[self.others[0].get(place, self.first_read + place)])
        for place, client in enumerate(engine.writes):
            wiring.connect(m, client, buffer.writes[self.others[1].get(place, self.first_write + place)])
        m.d.comb += [
            buffer.writes[LOAD].valid.eq(self.load_valid),
            buffer.writes[LOAD].line.eq(self.load_line),
            buffer.writes[LOAD].word.eq(self.load_word),
            buffer.reads[LOOK].valid.eq(1),
            buffer.reads[LOOK].line.eq(self.look_line),
            self.look_word.eq(buffer.reads[LOOK].word),
            sets.write_valid.eq(self.set_valid),
            sets.write_address.eq(self.set_address),
            sets.write_word.eq(self.set_word),
        ]
        if self.is_asking:
            self._answer(m, engine)
        for name in self.passed:
            inside, outside = getattr(engine, name), getattr(self, name)
            m.d.comb += inside.eq(outside) if self.signature.members[name].flow is In else outside.eq(inside)
        return m

    def _answer(self, m: Module, engine: Any) -> None:
        """Moments that were taken before, as a compute engine with as many arrays has them."""
        m.submodules.moments = moments = RowMoments(side=self.side, blocks=MOMENT_BLOCKS)
        wiring.connect(m, wiring.flipped(self.drained), moments.i)
        m.d.comb += [moments.asks.eq(engine.asks), moments.asked.eq(engine.asked)]
        there, found = moments.there, moments.moments.as_value()
        for stage in range((self.arrays - 1).bit_length()):
            there, before = later(m, there, 1, name=f"there{stage}"), found
            found = Signal(len(before), name=f"found{stage}")
            m.d.sync += found.eq(before)
        m.d.comb += [engine.there.eq(there), engine.moments.eq(found)]


class Engine:
    """The Verilated bench, driven from Python cycle by cycle; compiled in a hurry, as it runs a few thousand."""

    def __init__(self, bench: EngineBench, *, seed: int) -> None:
        self.bench = bench
        self.model = build(bench, seed=seed, optimize="-O0")
        self.model.reset()
        self.cycle = 0

    def tick(self) -> None:
        self.model.clock.tick()
        self.cycle += 1

    def to_phase(self, phase: int) -> None:
        while self.model.io.phase != phase:
            self.tick()

    def load(self, words: np.ndarray) -> None:
        """Write uint8 ``[words, P]`` from word 0 on; whole lines."""
        io = self.model.io
        for line in range(len(words) // SLOTS):
            for _ in range(SLOTS):
                bank = (io.phase + LOAD) % SLOTS
                io.load_valid, io.load_line = 1, line
                io.load_word = int.from_bytes(words[line * SLOTS + bank].tobytes(), "little")
                self.tick()
        io.load_valid = 0

    def look(self, count: int) -> np.ndarray:
        """Words 0 to count - 1, uint8 ``[words, P]``; whole lines."""
        io, found = self.model.io, np.zeros((count, self.bench.side), np.uint8)
        asked = []
        for cycle in range(count + SLOT_BUFFER):
            if cycle >= SLOT_BUFFER:
                found[asked[cycle - SLOT_BUFFER]] = np.frombuffer(
                    io.look_word.to_bytes(self.bench.side, "little"), np.uint8
                )
            line = min(cycle // SLOTS, count // SLOTS - 1)
            io.look_line = line
            asked.append(line * SLOTS + (io.phase + LOOK) % SLOTS)
            self.tick()
        return found

    def load_sets(self, raw: np.ndarray) -> None:
        """Write parameter sets from set 0 on: uint8 ``[sets, 8]``."""
        io = self.model.io
        for address, one in enumerate(raw):
            io.set_valid, io.set_address, io.set_word = 1, address, int.from_bytes(one.tobytes(), "little")
            self.tick()
        io.set_valid = 0

    def load_moments(self, block: int, rows: np.ndarray) -> None:
        """Let the moments of int16 rows ``[P, channels]`` be taken, tile after tile, into a place."""
        side, port = self.bench.side, self.model.io
        channels = rows.shape[1]
        for place in range(-(-channels // side) * side):
            tile, number = divmod(place, side)
            codes = rows[:, place] if place < channels else np.full(side, 0x5A5A)
            port.drained__valid, port.drained__starts, port.drained__last = 1, number == 0, number == side - 1
            port.drained__number, port.drained__block, port.drained__begins = number, block, tile == 0
            port.drained__channels = channels - tile * side
            port.drained__lanes = sum(int(code) % (1 << 16) << 16 * lane for lane, code in enumerate(codes))
            self.tick()
        port.drained__valid = 0

    def moments(self, block: int) -> list[tuple[int, int]]:
        """What a compute engine says of the rows of a row-block, asked now: their sums, and sums of squares."""
        io, found = self.model.io, []
        io.asks, io.asked = 1, block
        self.tick()
        io.asks = 0
        for cycle in range(1, latency.MOMENTS_ASKED + self.bench.side):
            assert io.there == (cycle >= latency.MOMENTS_ASKED)
            if io.there:
                word = io.moments
                total, squares = word % (1 << TOTAL_BITS), word >> TOTAL_BITS
                assert squares < 1 << SQUARES_BITS
                found.append((total - (total >> TOTAL_BITS - 1 << TOTAL_BITS), squares))
            self.tick()
        assert not io.there
        return found

    def write(self, kind: str, values: dict[int, int]) -> None:
        """Write by address through the ports ``<kind>_...`` of the engine."""
        io = self.model.io
        enable, data = ("weight_valid", "weight_word") if kind == "weight" else ("table_write", "table_entry")
        for address, value in values.items():
            setattr(io, enable, 1)
            setattr(io, f"{kind}_address", address)
            setattr(io, data, value)
            self.tick()
        setattr(io, enable, 0)

    def run(self, *instructions: tuple[isa.Operation, dict[str, int]], limit: int = 20_000) -> list[tuple[int, int]]:
        """Offer instructions one after the other; return for each the cycles of its acceptance and of its `done`."""
        io, accepted, done = self.model.io, [], []
        waiting = list(instructions)
        for _ in range(limit):
            if waiting:
                operation, fields = waiting[0]
                words = sum(word << 32 * place for place, word in enumerate(operation.encode(fields)))
                io.i__valid, io.i__payload = 1, words << isa.OPERATION.bits | operation.code
                if io.i__ready:
                    accepted.append(self.cycle)
                    waiting.pop(0)
                    self._tick_and_see(done)
                    io.i__valid = 0
                    continue
            self._tick_and_see(done)
            if len(done) == len(instructions):
                break
        return list(zip(accepted, done, strict=True))

    def _tick_and_see(self, done: list[int]) -> None:
        if self.model.io.done:
            done.append(self.cycle)
        self.tick()
