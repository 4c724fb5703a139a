# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is only asked is never elaborated)
"""One throughput, three sources: what a block declares, what its gateware takes, what the cost model reads.

Of every block of the library, at full speed. It is said as the cycles from a word, a tile or a job to the next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import torch

from tests.backends.cost_model.test_transfers import MACHINES, job_of, measured, parameters, transfer
from tests.rtl import axi_lite_bench, buffer_bench, streams_bench
from tests.rtl.queue_bench import Memory, run_queues
from tests.rtl.routing_bench import check_routing
from tests.rtl.stream_bench import run
from tests.sim.traffic.test_catalog import run_case, short_case
from vitaccel.arch import Arch, PeArrays
from vitaccel.backends.cost_model import pipelines
from vitaccel.backends.cost_model.timing import timing
from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel.ir.program import Gather, Lane, Load, MatMul, Route, ScatterAdd, Store
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.expert_pace import route_interval
from vitaccel_rtl.accelerator.pace import matmul_pace
from vitaccel_rtl.accelerator.vector_pace import vector_pace
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_write import DmaWrite
from vitaccel_rtl.header import header
from vitaccel_sim.bench.buffer_model import Point
from vitaccel_sim.bench.routed import RoutedJob, random_buffer, random_job, result_words
from vitaccel_sim.traffic.array import random_tile, words_in
from vitaccel_sim.traffic.catalog import TRAFFIC
from vitaccel_sim.traffic.routing import random_job as random_routing

SIDE = 4
ARCH = Arch(array=PeArrays(side=SIDE))


class Pace(NamedTuple):
    """Cycles from one to the next: declared, all that were measured, and read by the cost model."""

    declared: int
    measured: set[int]
    read: int


def gaps(cycles: Sequence[int]) -> set[int]:
    assert len(cycles) > 2, "an interval needs words"
    return {after - before for before, after in pairwise(cycles)}


def of_streams(name: str, seed: int) -> Iterator[Pace]:
    """Words of a block from ``i`` to ``o``, at two of its points."""
    traffic = TRAFFIC[name]
    for point in ({**point, "lanes": 2} if "lanes" in point else point for point in traffic.points[:2]):
        component = block(name).component(**point)
        result = run_case(component, traffic, point, short_case(traffic, point, seed))
        read = pipelines.INTERVALS.get(name, latency.WORD_INTERVAL)
        yield Pace(component.interval_cycles, gaps(result.accepted), read)


def of_softmax(name: str, seed: int) -> Iterator[Pace]:
    """Rows of one length, more of them than can wait."""
    traffic = TRAFFIC[name]
    point = {**traffic.points[0], "lanes": 2}
    for keys, rows in ((1, 90), (7, 40)):
        component = block(name).component(**point)
        case = traffic.random(point, random.Random(seed), (keys,) * rows)
        result = run_case(component, traffic, point, case)
        yield Pace(component.interval_cycles, gaps(result.accepted), latency.WORD_INTERVAL)


def of_array(name: str, seed: int) -> Iterator[Pace]:
    """Tiles that are less deep than P, as deep, and deeper; the results of all but the first come as fast."""
    for depth in (1, SIDE, 9):
        array = block(name).component(side=SIDE)
        generator = torch.Generator().manual_seed(seed)
        tiles = [random_tile(generator, SIDE, depth) for _ in range(6)]
        result = run(array, words_in(tiles), len(tiles) * SIDE)
        one = MatMul(layer="", a=0, out=0, row_blocks=1, tokens=SIDE, k=depth, n=SIDE, n_tiles=1)
        read = timing(replace(one, row_blocks=2), ARCH).occupied - timing(one, ARCH).occupied
        yield Pace(array.interval_cycles(depth), gaps(result.offered[::SIDE]), read)


def of_arbiter(name: str, seed: int) -> Iterator[Pace]:
    rng = random.Random(seed)
    arbiter = block(name).component(sources=3)
    words = [[{"value": rng.getrandbits(8), "last": 1} for _ in range(9)] for _ in arbiter.i]
    sources = [streams_bench.Source(of_source) for of_source in words]
    streams_bench.exchange(arbiter, list(zip(arbiter.i, sources, strict=True)), [(arbiter.o, streams_bench.Sink(27))])
    accepted = sorted(cycle for source in sources for cycle in source.accepted)
    yield Pace(arbiter.interval_cycles, gaps(accepted), latency.WORD_INTERVAL)


def of_router(name: str, seed: int) -> Iterator[Pace]:
    rng = random.Random(seed)
    router = block(name).component(destinations=3)
    source = streams_bench.Source([{"value": n, "destination": rng.randrange(3)} for n in range(30)])
    sinks = [(port, streams_bench.Sink(None)) for port in router.o]
    streams_bench.exchange(router, [(router.i, source)], sinks)
    yield Pace(router.interval_cycles, gaps(source.accepted), latency.WORD_INTERVAL)


def of_registers(name: str, _: int) -> Iterator[Pace]:
    registers = block(name).component()
    traffic = axi_lite_bench.Traffic(aw=[(0,)] * 5, w=[(0, 15)] * 5, ar=[(0,)] * 5)
    axi_lite_bench.drive(registers, traffic)
    read, write = registers.read_interval_cycles, registers.write_interval_cycles
    yield Pace(read, gaps(traffic.accepted["ar"]), latency.REGISTERS_READ_INTERVAL)
    for channel in ("aw", "w"):
        yield Pace(write, gaps(traffic.accepted[channel]), latency.REGISTERS_WRITE_INTERVAL)


def of_buffer(_: str, seed: int) -> Iterator[Pace]:
    """A reader, and a writer."""
    point = Point()
    component = point.build()
    reads = [{"address": point.at(n), "tag": n, "last": 0} for n in range(20)]
    writes = [{"address": point.at(n), "word": n} for n in range(20)]
    others = [[]] * (point.readers - 1), [[]] * (point.writers - 1)
    made = buffer_bench.run(point, [reads, *others[0]], [writes, *others[1]], seed=seed, block=component)
    for stream in (made.reads[0], made.writes[0]):
        yield Pace(component.interval_cycles, gaps(stream.accepted), pipelines.INTERVALS["buffer"])


ROUTING = {"lanes": SIDE, "row_blocks": 8, "tokens": 32, "experts": 6, "k": 3}


def of_queues(name: str, seed: int) -> Iterator[Pace]:
    """Choices, and entries of the queue that has them all."""
    rng = random.Random(seed)
    fixed = {"tokens": 20, "frame_tokens": 20, "k": 2, "capacity": 0, "order": ""}
    job = random_routing({**ROUTING, "fraction_bits": 8}, rng, "one expert", **fixed)
    queues = block(name).component(**ROUTING)
    requests = [[{"place": 0, "by_length": 1, "entries": 1}]]
    made = check_routing(queues, [job], [job.choice_words()], ROUTING["experts"], requests=requests)
    yield Pace(queues.interval_cycles, gaps(made.words.accepted), latency.WORD_INTERVAL)
    yield Pace(queues.entry_interval_cycles, gaps(made.entries.offered), latency.WORD_INTERVAL)


def of_expert_router(name: str, seed: int) -> Iterator[Pace]:
    """Row-blocks: those that a job has more than another, by what it takes longer."""
    for k, experts, over_chosen in ((1, 6, False), (3, 6, False), (1, 6, True), (3, 4, True)):
        fields: dict[str, Any] = {"k": k, "over_chosen": over_chosen}
        cycles, read = [], []
        for row_blocks in (5, 6, 8):
            rng, tokens = random.Random(seed), row_blocks * SIDE
            fixed = {"tokens": tokens, "frame_tokens": tokens, "capacity": 0, "order": ""}
            point = {**ROUTING, "experts": experts, "fraction_bits": 8}
            job = random_routing(point, rng, "any", **fixed, **fields)
            router = block(name).component(**ROUTING, fraction_bits=8)
            asked = [[{"place": 0, "by_length": 0, "entries": 0}]]
            made = check_routing(router, [job], [job.logit_words(rng)], ROUTING["experts"], requests=asked)
            cycles.append(made.requests.accepted[0] - made.words.accepted[0])
            score = "softmax_topk" if over_chosen else "softmax_all"
            route = Route(
                layer="", logits=0, row_blocks=row_blocks, tokens=tokens, experts=job.experts, k=k, score=score
            )
            read.append(timing(route, ARCH).occupied)
        declared = router.interval_cycles(experts=job.experts, **fields)
        (of_model,) = {read[1] - read[0], (read[2] - read[1]) / 2}
        yield Pace(declared, {cycles[1] - cycles[0], (cycles[2] - cycles[1]) / 2}, of_model)
        assert declared == latency.route_interval(side=SIDE, experts=job.experts, has_lines=True, **fields)
        frames = route_interval(side=SIDE, experts=job.experts, choices=k, over_chosen=over_chosen, has_lines=True)
        assert frames == -(-declared // latency.SLOTS), "the accelerator waits for no row-block longer than that"


QUEUES = ((SIDE, 1), (9, 2), (1, 3))
"""Entries and tiles."""


def of_gather(name: str, seed: int) -> Iterator[Pace]:
    """Jobs, by the last words of their queues."""
    for entries, tiles in QUEUES:
        jobs = queues(seed, entries, tiles)
        gather = block(name).component(side=SIDE)
        streams = {"job": [job.walk for job in jobs], "entry": [row for job in jobs for row in job.rows]}
        slots = latency.queue_slots(entries, tiles, SIDE)
        memory = Memory(random_buffer(random.Random(seed), jobs, SIDE, 8), 2)
        result = run_queues(gather, streams, memory, slots * len(jobs))
        declared = gather.interval_cycles(entries=entries, tiles=tiles)
        instruction = Gather(layer="", a=0, out=0, channels=tiles * SIDE, expert=0)
        yield Pace(declared, gaps(result.offered[slots - 1 :: slots]), timing(instruction, ARCH, entries).occupied)


def of_scatter_add(name: str, seed: int) -> Iterator[Pace]:
    """Jobs, by their acceptance."""
    for entries, tiles in QUEUES:
        jobs = queues(seed, entries, tiles)
        scatter = block(name).component(side=SIDE)
        streams = {
            "job": [{**job.walk, **job.scale} for job in jobs],
            "entry": [entry for job in jobs for entry in job.entries],
            "i": [word for job in jobs for word in result_words(job, SIDE)],
        }
        memory = Memory(random_buffer(random.Random(seed), jobs, SIDE, 16), 2)
        result = run_queues(scatter, streams, memory, entries * tiles * len(jobs))
        declared = scatter.interval_cycles(entries=entries, tiles=tiles)
        instruction = ScatterAdd(layer="", a=0, out=0, channels=tiles * SIDE, expert=0)
        yield Pace(declared, gaps(result.accepted["job"]), timing(instruction, ARCH, entries).occupied)


def queues(seed: int, entries: int, tiles: int) -> list[RoutedJob]:
    rng = random.Random(seed)
    return [random_job(rng, SIDE, entries, tiles=tiles) for _ in range(4)]


def of_dma(name: str, seed: int) -> Iterator[Pace]:
    """Jobs of as many whole bursts as may be in flight, by when they are done: the bus is the limit, or the memory."""
    kind, engine = (Load, DmaRead) if name == "dma-read" else (Store, DmaWrite)
    for arch in list(MACHINES.values())[:2]:
        words = arch.memory.burst_bytes // arch.array.side * arch.memory.outstanding
        one = replace(transfer(kind, arch, (1, words, words)), dram=1 << 13)
        result = measured([replace(one, dram=(2 + at) << 12) for at in range(4)], arch, seed)
        declared = engine(**parameters(arch)).interval_cycles(job_of(one), arch.memory.latency_cycles)
        yield Pace(declared, gaps(result.status.offered), timing(one, arch).occupied)


OTHERS: Mapping[str, Callable[[str, int], Iterator[Pace]]] = {
    "arbiter": of_arbiter,
    "router": of_router,
    "registers": of_registers,
    "buffer": of_buffer,
    "array": of_array,
    "softmax": of_softmax,
    "expert-queues": of_queues,
    "expert-router": of_expert_router,
    "gather": of_gather,
    "scatter-add": of_scatter_add,
    "dma-read": of_dma,
    "dma-write": of_dma,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_declared_is_measured_is_predicted(name: str, seed: int) -> None:
    paces = list(OTHERS.get(name, of_streams)(name, seed))
    assert paces
    for pace in paces:
        assert pace.measured == {pace.declared}
        assert pace.read == pace.declared


@pytest.mark.parametrize("name", BLOCKS)
def test_every_header_says_it(name: str) -> None:
    component = block(name).component()
    said = header(component, "top", (), {})
    declared = getattr(component, "interval_cycles", None)
    assert "interval_cycles" in said.partition("// Timing")[2]
    assert ("one word a cycle" in said.partition("// Timing")[2]) >= (declared == latency.WORD_INTERVAL)


def test_a_block_that_takes_longer_makes_instructions_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane(layer="", function="layernorm", a=0, out=0, row_blocks=5, tokens=20, channels=90, passes=2)
    add, before = replace(lane, function="add"), timing(lane, ARCH).occupied
    others = timing(add, ARCH)
    monkeypatch.setitem(pipelines.INTERVALS, "layernorm-moments", 2)
    assert timing(lane, ARCH).occupied == 2 * before
    assert timing(add, ARCH) == others


@pytest.mark.parametrize("side", [4, 8, 16])
@pytest.mark.parametrize("words", [1, 8, 20, 64])
def test_the_accelerator_paces_frames_by_it(words: int, side: int) -> None:
    """A frame has eight words where one comes a cycle; a tile has its interval in the array."""
    array = block("array").component(side=side)
    pace = matmul_pace(words, side, b_is_activation=False)
    assert pace.interval == -(-array.interval_cycles(words) // latency.SLOTS)
    lanes = vector_pace(side=side, function="add", channels=words, last_rows=side)
    assert lanes.interval == -(-words * pipelines.lane_interval("add") // latency.SLOTS)
