"""Run instructions on a load or a store engine in Amaranth's simulator, against a memory, and watch its ports."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.transfer import ACTIVATION, PARAMETER, TABLE, WEIGHT, Transfer
from vitaccel_rtl.accelerator.transfer_timing import LOAD_CLIENT, STORE_CLIENT
from vitaccel_rtl.axi import Geometry
from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory, WriteMemory
from vitaccel_sim.bench.dma_jobs import CONTENT_BYTES, limits_of

POINTS: tuple[dict[str, Any], ...] = (
    {"side": 4, "data_bits": 32, "burst_beats": 16, "outstanding": 8},
    {"side": 4, "data_bits": 128, "burst_beats": 4, "outstanding": 2},
    {"side": 5, "data_bits": 64, "burst_beats": 16, "outstanding": 4},
    {"side": 8, "data_bits": 64, "burst_beats": 16, "outstanding": 2},
    {"side": 16, "data_bits": 128, "burst_beats": 64, "outstanding": 8},
    {"side": 16, "data_bits": 32, "burst_beats": 8, "outstanding": 4},
)
"""Sides that are powers of two and not, words narrower and wider than beats."""

MORE_POINTS = tuple(
    pytest.param({"side": side, "data_bits": data_bits, "burst_beats": 64, "outstanding": 8}, marks=pytest.mark.full)
    for side, data_bits in ((4, 512), (7, 256), (12, 32), (24, 64), (31, 512), (32, 256), (32, 512))
)
"""The widest and the narrowest of both, with the bursts of a machine that nobody has changed."""

WORDS = 512
"""Of each buffer."""

ONE_PART = Parts(words=WORDS)

PATIENCE_CYCLES = 2000

WRITE = ("valid", "address", "word")
"""Of the ports of memories."""


@dataclass(frozen=True, kw_only=True)
class PartTransfer(Transfer):
    """An instruction of a machine with several arrays: rows lie in all parts of a buffer, or by tiles each in one."""

    by_tiles: int = 0
    is_wide: int = 0


def dma_sizes(geometry: Geometry) -> dict[str, int]:
    """Return the parameters of a DMA that its timing depends on, but for P."""
    sizes = {"beat_bytes": geometry.beat_bytes, "align_bytes": geometry.row_align_bytes}
    return {**sizes, "burst_beats": geometry.longest_burst, "outstanding": geometry.outstanding}


def encoded(operation: isa.Operation, transfer: Transfer, side: int) -> int:
    """Return the payload of an instruction, as an engine gets it."""
    names = ("dram", "buffer", "address", "rows", "row_bytes", "stride_bytes", "step", "by_tiles", "is_wide")
    fields = {name: getattr(transfer, name, 0) for name in names}
    words = operation.encode({**fields, "row_words": -(-transfer.row_bytes // side)})
    packed = sum(word << isa.WORD_BITS * place for place, word in enumerate(words))
    return operation.code | packed << isa.OPERATION.bits


def random_transfer(rng: random.Random, side: int, buffer: int, most_words: int = 60) -> Transfer:
    """Draw an instruction: one row or many, with gaps on chip and in DRAM or without."""
    if buffer == TABLE:
        table = {"address": rng.randrange(2), "row_bytes": rng.choice((256, 512))}
        return Transfer(dram=rng.randrange(CONTENT_BYTES // 2) // side * side, buffer=buffer, **table)
    if buffer == PARAMETER:
        sets = rng.randint(1, 40)
        place = {"dram": rng.randrange(CONTENT_BYTES // 2) // side * side, "address": rng.randrange(WORDS - sets)}
        return Transfer(buffer=buffer, row_bytes=8 * sets, **place)
    rows = rng.choice((1, 1, 2, rng.randint(1, 9)))
    row_words = rng.randint(1, max(1, most_words // rows))
    row_bytes = row_words * side - rng.choice((0, 0, rng.randrange(side)))
    step = rng.choice((row_words, -(-row_words // 8) * 8, row_words + rng.randrange(5)))
    stride_bytes = (row_words + rng.choice((0, 0, rng.randrange(9)))) * side
    address = rng.randrange(WORDS - rows * step + 1)
    address = rng.choice((address, address // 8 * 8))
    span = rows * stride_bytes
    dram = rng.choice((rng.randrange(CONTENT_BYTES // 2), 4096 - rng.randint(0, 100))) // side * side
    return Transfer(
        dram=min(dram, (CONTENT_BYTES - span) // side * side),
        buffer=buffer,
        address=address,
        rows=rows,
        row_bytes=row_bytes,
        stride_bytes=stride_bytes,
        step=step,
    )


def random_part_transfer(rng: random.Random, side: int, buffer: int, parts: Parts) -> Transfer:
    """Draw an instruction for a buffer of several parts."""
    if buffer not in (ACTIVATION, WEIGHT):
        return random_transfer(rng, side, buffer)
    by_tiles, is_wide = rng.randrange(2), rng.randrange(2)
    turn = math.lcm(side, 8)
    row_words = rng.randint(1, 30 if by_tiles else max(4 * side, 2 * turn) * parts.count)
    row_bytes = row_words * side - rng.choice((0, rng.randrange(side)))
    most = row_words if by_tiles else -(-row_words // (turn * parts.count)) * turn
    step = -(-most // 8) * 8 if buffer == ACTIVATION else most + rng.randrange(3)
    rows = rng.randint(1, 6 if by_tiles else 3)
    stride_bytes = (row_words + rng.choice((0, 5))) * side
    return PartTransfer(
        dram=rng.randrange((CONTENT_BYTES - rows * stride_bytes) // side) * side,
        buffer=buffer,
        address=rng.randrange((WORDS - rows * step) // 8) * 8,
        rows=rows,
        row_bytes=row_bytes,
        stride_bytes=stride_bytes,
        step=step,
        by_tiles=by_tiles,
        is_wide=is_wide,
    )


def rows_of(
    transfer: Transfer, content: bytes | bytearray, side: int, parts: Parts = ONE_PART
) -> Iterator[tuple[int, bytes]]:
    """Return the words of a transfer, filled up with zeros, and their places on chip."""
    places, way = PartPlaces(parts, side), {name: getattr(transfer, name, 0) for name in ("by_tiles", "is_wide")}
    for row in range(transfer.rows):
        at = transfer.dram + row * transfer.stride_bytes
        data = bytes(content[at : at + transfer.row_bytes])
        for word in range(-(-len(data) // side)):
            place = places.of_row(transfer.address, transfer.step, row, word, **way)
            yield place, data[word * side : (word + 1) * side].ljust(side, b"\0")


@dataclass
class Watched:
    """What a run showed: cycles of acceptance, ``done`` and errors; writes as cycle, buffer, place and word."""

    accepted: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    writes: list[tuple[int, int, int, int]] = field(default_factory=list)

    def memory(self, buffer: int) -> dict[int, int]:
        """Return what a buffer holds in the end, where it was written."""
        return {place: word for _, at, place, word in self.writes if at == buffer}


def run_load(
    engine: Any,
    transfers: Sequence[Transfer],
    content: bytearray,
    *,
    behaviour: Behaviour,
    gaps: Sequence[int] = (),
    errors: dict[int, int] | None = None,
) -> Watched:
    """Run instructions on a load engine; one is offered so many cycles of *gaps* after the one before was accepted."""
    limits = limits_of(engine.geometry)
    memory = ReadMemory(limits=limits, content=content, behaviour=behaviour, rng=random.Random(1), errors=errors or {})
    ports = [getattr(engine.activation, name) for name in ("valid", "line", "word")]
    ports += [getattr(port, f"write_{name}") for port in (engine.weight, engine.parameter) for name in WRITE]
    ports += [getattr(engine.table, f"write_{name}") for name in ("enable", "address", "data")]
    watched = Watched()

    def watch(cycle: int, values: Sequence[int]) -> None:
        for buffer, at in ((ACTIVATION, 0), (WEIGHT, 3), (PARAMETER, 6), (TABLE, 9)):
            valid, place, word = values[at : at + 3]
            if valid:
                place = 8 * place + (cycle + LOAD_CLIENT) % 8 if buffer == ACTIVATION else place
                watched.writes.append((cycle, buffer, place, word))

    payloads = [encoded(isa.LOAD, transfer, engine.geometry.word_bytes) for transfer in transfers]
    _run(engine, payloads, memory, watched, gaps, ports, watch)
    return watched


def run_store(
    engine: Any,
    transfers: Sequence[Transfer],
    words: Sequence[int],
    content: bytearray,
    *,
    behaviour: Behaviour,
    gaps: Sequence[int] = (),
    errors: dict[int, int] | None = None,
) -> Watched:
    """Run instructions on a store engine whose buffer holds *words*; as :func:`run_load`."""
    limits = limits_of(engine.geometry)
    memory = WriteMemory(limits=limits, content=content, behaviour=behaviour, rng=random.Random(1), errors=errors or {})
    watched = Watched()
    on_their_way = [0] * latency.SLOT_BUFFER

    def watch(cycle: int, values: Sequence[int]) -> None:
        valid, line = values
        place = 8 * line + (cycle + STORE_CLIENT) % 8
        on_their_way.append(words[place] if valid else ~0 & (1 << 8 * engine.geometry.word_bytes) - 1)

    payloads = [encoded(isa.STORE, transfer, engine.geometry.word_bytes) for transfer in transfers]
    ports = [engine.activation.valid, engine.activation.line]
    feed = (engine.activation.word, on_their_way)
    _run(engine, payloads, memory, watched, gaps, ports, watch, feed)
    return watched


def _run(
    engine: Any,
    payloads: Sequence[int],
    memory: ReadMemory | WriteMemory,
    watched: Watched,
    gaps: Sequence[int],
    ports: Sequence[Any],
    watch: Callable[[int, Sequence[int]], None],
    feed: tuple[Any, list[int]] | None = None,
) -> None:
    """Offer instructions and serve the bus; hand what *ports* have to *watch*; set *feed* by its queue."""
    outputs = [getattr(engine, f"m_axi_{name}") for name in memory.outputs]

    async def bench(ctx: Any) -> None:
        cycle, offered, tail = 0, 0, 0
        while tail < 20:
            for name, value in memory.drive(cycle).items():
                ctx.set(getattr(engine, f"m_axi_{name}"), value)
            ctx.set(engine.phase, cycle % 8)
            sent = len(watched.accepted)
            is_offered = sent < len(payloads) and cycle >= offered
            ctx.set(engine.i.valid, is_offered)
            if is_offered:
                ctx.set(engine.i.payload.as_value(), payloads[sent])
            if feed:
                ctx.set(feed[0], feed[1].pop(0))
            sampled = ctx.tick().sample(engine.i.ready, engine.done, engine.error, *outputs, *ports)
            _, _, ready, done, error, *values = await sampled
            memory.sample(tuple(values[: len(outputs)]), cycle)
            watch(cycle, values[len(outputs) :])
            if is_offered and ready:
                watched.accepted.append(cycle)
                offered = cycle + 1 + (gaps[sent] if sent < len(gaps) else 0)
            watched.done += [cycle] * done
            watched.errors += [cycle] * error
            last = max((*watched.accepted[-1:], *watched.done[-1:], 0))
            assert cycle - last < PATIENCE_CYCLES, f"cycle {cycle}: {len(watched.done)} of {len(payloads)} are done"
            tail += len(watched.done) >= len(payloads)
            cycle += 1

    simulator = Simulator(engine)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
