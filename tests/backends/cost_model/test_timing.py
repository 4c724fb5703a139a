"""Every closed form against the hardware stepped cycle by cycle: arrays, softmax pipeline, DMA, lanes."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.arch import Arch, Memory, Numerics, PeArrays
from vitaccel.backends.cost_model import pipelines
from vitaccel.backends.cost_model.timing import Timing, timing
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
from vitaccel.ir.program import Attention, Gather, Instruction, Lane, Load, MatMul, Route, ScatterAdd, Store
from vitaccel.ir.tensor import turns
from vitaccel_rtl import latency

ROWS = st.integers(1, 40)
ARRAYS = st.builds(PeArrays, side=st.sampled_from((4, 5, 8)), count=st.integers(1, 4))
MACHINES = st.builds(Arch, array=ARRAYS, numerics=st.builds(Numerics, logit_fraction_bits=st.sampled_from((6, 8))))

READ, WRITE = latency.BUFFER_READ, 1


def statistics_after(arch: Arch) -> int:
    """From the last words of QK^T to the first of A.V: the first of P words of logits, and those behind it."""
    lines = arch.numerics.logit_fraction_bits == 8
    return READ + latency.ARRAY + latency.REQUANTIZE + latency.softmax_statistics(has_lines=lines) + arch.array.side - 1


def attended_after(arch: Arch) -> int:
    """From the last words of A.V to the last output."""
    numerics = arch.numerics
    numerators = latency.softmax_numerators(has_lines=numerics.logit_fraction_bits == 8, bits=numerics.numerator_bits)
    return READ + numerators + latency.ARRAY + arch.array.side - 1 + latency.REQUANTIZE + WRITE


def groups(count: int, size: int) -> list[range]:
    """Cut ``count`` things into groups of ``size``, one by one."""
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def part_of(tile: int, arch: Arch) -> int:
    """Which array a tile of P columns is of: as many follow each other as fill whole frames of eight words."""
    return tile * arch.array.side // math.lcm(arch.array.side, 8) % arch.array.count


def most_of_a_part(tiles: int, arch: Arch) -> int:
    """Tiles of the array that has most of so many."""
    return max(Counter(part_of(tile, arch) for tile in range(tiles)).values())


# -- matmul --------------------------------------------------------------------------------------------------------
def run_array(phases: list[int], arch: Arch) -> Timing:
    """Step an array: two sets of accumulators change places when one is full and the other one has drained.

    Before the first phase stands another instruction, whose last tile drains first.
    """
    cycle, draining = 0, arch.array.side
    for depth in phases:
        accumulating = depth
        while accumulating or draining:
            cycle += 1
            accumulating -= accumulating > 0
            draining -= draining > 0
        draining = arch.array.side
    # The first result is there ARRAY cycles after the last words were read; it takes the epilogue, and P - 1 follow it.
    epilogue = latency.ARRAY + latency.REQUANTIZE + latency.ACTIVATION + WRITE
    return Timing(cycle, READ + epilogue + draining - 1)


def matmul(row_blocks: int, n_tiles: int, k: int, expert: int = -1) -> MatMul:
    return MatMul(layer="", a=0, out=0, row_blocks=row_blocks, tokens=1, n=1, n_tiles=n_tiles, k=k, expert=expert)


@given(MACHINES, st.integers(1, 5), st.integers(1, 9), st.integers(1, 30))
def test_a_matmul_takes_what_its_tiles_take_one_after_another(arch: Arch, blocks: int, tiles: int, k: int) -> None:
    phases = [k] * (blocks * most_of_a_part(tiles, arch))
    assert timing(matmul(blocks, tiles, k), arch) == run_array(phases, arch)


@given(MACHINES, st.integers(0, 40), st.integers(1, 5), st.integers(1, 20))
def test_an_expert_takes_the_row_blocks_of_its_queue(arch: Arch, rows: int, tiles: int, k: int) -> None:
    phases = [k] * (len(groups(rows, arch.array.side)) * most_of_a_part(tiles, arch))
    expected = run_array(phases, arch) if rows else Timing(0, 0)
    assert timing(matmul(99, tiles, k, expert=3), arch, rows) == expected


# -- attention -----------------------------------------------------------------------------------------------------
class Shape(NamedTuple):
    frames: int
    heads: int
    head_dim: int
    value_dim: int
    queries: int
    keys: int


SHAPES = st.builds(Shape, st.integers(1, 2), st.integers(1, 5), *[st.integers(1, 20)] * 2, ROWS, ROWS)


def attention(shape: Shape, **fields: object) -> Attention:
    return Attention(layer="", v=0, out=0, **shape._asdict(), **fields)  # type: ignore[arg-type]


def run_attention(shape: Shape, in_flight: int, arch: Arch) -> Timing:
    """Go through tiles one by one: QK^T whenever a place for its logits is free, else A.V of the oldest row-block."""
    side, passes = arch.array.side, arch.numerics.numerator_passes
    waiting = shape.frames * len(groups(shape.heads, arch.array.count)) * len(groups(shape.queries, side))
    statistics: list[int] = []
    now = 0
    while waiting or statistics:
        if waiting and len(statistics) < in_flight:
            waiting -= 1
            now += sum(max(shape.head_dim, side) for _ in groups(shape.keys, side))
            statistics.append(now + statistics_after(arch))
        else:
            now = max(now, statistics.pop(0))
            now += sum(max(sum(shape.keys for _ in range(passes)), side) for _ in groups(shape.value_dim, side))
    return Timing(now, attended_after(arch))


@pytest.mark.parametrize("in_flight", [1, 2])
@given(MACHINES, SHAPES, st.sampled_from((8, 12, 16)))
def test_attention_takes_what_its_pipeline_takes(in_flight: int, arch: Arch, shape: Shape, bits: int) -> None:
    machine = replace(arch, numerics=replace(arch.numerics, numerator_bits=bits))
    expected = run_attention(shape, in_flight, machine)
    assert timing(attention(shape, in_flight=in_flight), machine) == expected


@given(MACHINES, SHAPES)
def test_a_second_row_block_in_flight_never_takes_longer(arch: Arch, shape: Shape) -> None:
    one, two = (timing(attention(shape, in_flight=n), arch).occupied for n in (1, 2))
    assert two <= one


@pytest.mark.parametrize("mode", ["post_softmax_T", "head_mean_T", "pre_softmax_T"])
@given(MACHINES, SHAPES, st.sampled_from((8, 12, 16)))
def test_kept_logits_are_applied_to_row_blocks_of_keys(mode: str, arch: Arch, shape: Shape, bits: int) -> None:
    """The second softmax of pre_softmax_T streams the queries of a row-block ahead of the array."""
    machine = replace(arch, numerics=replace(arch.numerics, numerator_bits=bits))
    side, passes = arch.array.side, machine.numerics.numerator_passes
    lines = machine.numerics.logit_fraction_bits == 8
    statistics = READ + latency.softmax_statistics(has_lines=lines)
    array = lanes = 0
    for _ in range(shape.frames * len(groups(shape.heads, arch.array.count)) * len(groups(shape.keys, side))):
        lanes += shape.queries
        array = max(array, lanes + statistics if mode == "pre_softmax_T" else 0)
        array += sum(max(sum(shape.queries for _ in range(passes)), side) for _ in groups(shape.value_dim, side))
    assert timing(attention(shape, mode=mode), machine) == Timing(array, attended_after(machine))


# -- transfers -----------------------------------------------------------------------------------------------------
MEMORIES = st.builds(
    Memory,
    bus_bits=st.sampled_from((32, 64, 128)),
    ports=st.integers(1, 3),
    burst_beats=st.integers(1, 16),
    outstanding=st.integers(1, 8),
    latency_cycles=st.integers(0, 60),
)


def load(rows: int, row_bytes: int, **fields: int) -> Load:
    return Load(layer="", **{"dram": 0, "buffer": "weight", "address": 0, **fields}, rows=rows, row_bytes=row_bytes)  # type: ignore[arg-type]


JOBS = st.builds(
    lambda kind, dram, rows, row_bytes, gap: replace(
        kind(**vars(load(rows, row_bytes))), dram=dram, stride_bytes=row_bytes + gap
    ),
    st.sampled_from((Load, Store)),
    st.integers(0, 20_000),
    st.integers(1, 12),
    st.integers(1, 900),
    st.sampled_from((0, 0, 1, 700, 4000)),
)


def bursts_of(job: Load | Store, memory: Memory) -> list[int]:
    """Beats of every burst of a job, beat by beat: a row begins one unless it follows the last without a gap."""
    found: list[int] = []
    bytes_of_page, last = 4096 * memory.ports, -1
    for row in range(job.rows):
        start = job.dram + row * job.stride_bytes
        begins = row == 0 or job.stride_bytes != job.row_bytes
        for beat in range(start // memory.beat_bytes, (start + job.row_bytes - 1) // memory.beat_bytes + 1):
            if beat == last and not begins:
                continue  # shared with the row before
            if begins or found[-1] == memory.burst_beats or beat * memory.beat_bytes % bytes_of_page == 0:
                found.append(0)
            found[-1] += 1
            begins, last = False, beat
    return found


def run_bus(bursts: list[int], memory: Memory, kind: type[Load | Store] = Load) -> int:
    """Step the bus, from its first beat to its last: what is requested, what is there, which places are free.

    A place is free the cycle after its burst's end, or answer; a beat's room in the buffer two cycles after it came. A
    request is on the bus in the next cycle; when writing, data follow it by three.
    """
    answer, behind = (memory.latency_cycles, 3) if kind is Store else (0, 1 + memory.latency_cycles)
    page_beats = 4096 * 8 // memory.bus_bits
    room = max(3, memory.outstanding * min(memory.burst_beats, page_beats)) if kind is Load else sum(bursts)
    places, waiting, cycle, left = memory.outstanding, deque(bursts), -behind, 0
    requested: deque[tuple[int, int]] = deque()
    released: deque[int] = deque()
    arrived: deque[int] = deque()
    while waiting or requested or left:
        while released and released[0] < cycle:
            places += 1
            released.popleft()
        while arrived and arrived[0] < cycle - 1:
            room += 1
            arrived.popleft()
        if waiting and places and room >= waiting[0]:
            places, room = places - 1, room - waiting[0]
            requested.append((cycle + behind, waiting.popleft()))
        if not left and requested and requested[0][0] <= cycle:
            left = requested.popleft()[1]
        if left:
            left -= 1
            arrived.append(cycle)
            if not left:
                released.append(cycle + answer)
        cycle += 1
    return cycle


def result_after(job: Load | Store, arch: Arch) -> int:
    """From a descriptor to the status, beside what the beats take."""
    return pipelines.transfer_result(arch, writes=isinstance(job, Store))


@given(MEMORIES, JOBS)
def test_a_transfer_alone_is_done_when_its_last_beat_was_on_the_bus(memory: Memory, job: Load | Store) -> None:
    arch = Arch(memory=memory)
    alone = run_bus(bursts_of(job, memory), memory, type(job))
    assert sum(timing(job, arch)) == alone + result_after(job, arch)


@given(MEMORIES, JOBS)
def test_transfers_that_follow_each_other_are_never_faster(memory: Memory, job: Load | Store) -> None:
    """Little's law is a bound; it is reached by bursts of one length (next test), not always by rows of short rests."""
    jobs = 5
    together = run_bus(bursts_of(job, memory) * jobs, memory, type(job))
    occupied = timing(job, Arch(memory=memory)).occupied
    assert jobs * (occupied - 1) < together + memory.latency_cycles + 3  # a part of a cycle counts as one


@given(MEMORIES, st.integers(1, 4), st.integers(1, 3))
def test_bursts_of_one_length_follow_each_other_at_exactly_the_predicted_rate(
    memory: Memory, rounds: int, jobs: int
) -> None:
    """Every burst is full, and every place in flight is used equally often."""
    memory = replace(memory, burst_beats=2 ** (memory.burst_beats.bit_length() - 1))
    job = load(1, memory.burst_bytes * memory.outstanding * rounds)
    bursts = bursts_of(job, memory)
    step = run_bus(bursts * (jobs + 1), memory) - run_bus(bursts * jobs, memory)
    assert timing(job, Arch(memory=memory)).occupied == step


@given(MEMORIES, JOBS)
def test_bursts_of_twice_the_beats_never_take_longer(memory: Memory, job: Load | Store) -> None:
    longer = replace(memory, burst_beats=2 * memory.burst_beats)
    before, after = (timing(job, Arch(memory=each)) for each in (memory, longer))
    assert after.occupied <= before.occupied
    assert sum(after) <= sum(before)


def test_longer_bursts_that_leave_short_ones_before_a_page_may_be_there_later() -> None:
    """Of 256 beats of a page: 128 and 128, or 200 and 56. With two in flight, 56 beats hide less of the latency."""
    halves = Memory(outstanding=2, latency_cycles=298, burst_beats=128)
    job = load(1, 2 * 4096)
    machines = [Arch(memory=memory) for memory in (halves, replace(halves, burst_beats=200))]
    assert [sum(timing(job, arch)) - result_after(job, arch) for arch in machines] == [684, 755]
    assert [timing(job, arch).occupied for arch in machines] == [(4 * (298 + turn) + 512) // 2 for turn in (2, 1)]


def test_a_bus_wider_than_a_word_shifts_a_stage_more() -> None:
    """What comes of it is the only way in which a wider bus is slower: one cycle, once for each wait for a transfer."""
    narrow, wide = (
        timing(load(1, 8), Arch(array=PeArrays(side=8), memory=Memory(bus_bits=bits))) for bits in (64, 128)
    )
    assert wide == narrow._replace(latency=narrow.latency + 1)


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 16).map(lambda n: Fraction(n, 16)))
def test_a_slow_dram_delivers_beats_when_their_bytes_are_there(rows: int, beats: int, share: Fraction) -> None:
    memory = Memory(latency_cycles=0, peak_bytes_per_s=float(share * 16 * 2**27) / 0.5, efficiency=0.5)
    arch = Arch(frequency_hz=2.0**27, memory=memory)
    there, cycle = Fraction(0), 0
    for _ in range(rows * beats):
        there += share
        cycle += 1
        while there < 1:
            there += share
            cycle += 1
        there -= 1
    job = load(1, rows * beats * memory.beat_bytes)
    assert timing(job, arch) == Timing(cycle, result_after(job, arch))


# -- vector engine -------------------------------------------------------------------------------------------------
@given(MACHINES, st.integers(1, 6), st.integers(1, 150), st.integers(1, 9))
def test_lanes_take_a_word_of_their_own_bank_a_cycle(arch: Arch, blocks: int, channels: int, passes: int) -> None:
    banks = Counter(part_of(channel // arch.array.side, arch) for channel in range(channels))
    cycles = sum(max(banks.values()) for _ in range(passes) for _ in range(blocks))
    stream = Lane(layer="", function="add", a=0, out=0, row_blocks=blocks, tokens=1, channels=channels, passes=passes)
    assert timing(stream, arch) == Timing(cycles, READ + latency.REQUANTIZE + latency.ACTIVATION + WRITE)
    for function in ("copy", "zero"):
        assert timing(replace(stream, function=function), arch) == Timing(cycles, READ + WRITE)


@given(MACHINES, st.integers(1, 6), st.integers(1, 90))
def test_layernorm_takes_moments_of_the_next_row_block_before_it_normalizes_one(
    arch: Arch, blocks: int, channels: int
) -> None:
    words = turns(arch).most_channels(channels)
    scale_after = READ + latency.LAYERNORM_MOMENTS + latency.LAYERNORM_ROW_SCALE
    now = words
    scales = [now + scale_after]
    for block in range(blocks):
        if block + 1 < blocks:
            now += words
            scales.append(now + scale_after)
        now = max(now, scales[block]) + words
    assert timing(layernorm(blocks, channels, passes=2), arch) == Timing(now, NORMALIZED)


@given(MACHINES, st.integers(1, 6), st.integers(1, 90))
def test_layernorm_asks_for_moments_of_the_next_row_block_when_it_begins_with_one(
    arch: Arch, blocks: int, channels: int
) -> None:
    words = turns(arch).most_channels(channels)
    free = asked = 0
    for _ in range(blocks):
        begins = max(free, asked + READ + latency.LAYERNORM_ROW_SCALE)
        free, asked = begins + words, begins
    assert timing(layernorm(blocks, channels, passes=1), arch) == Timing(free, NORMALIZED)


NORMALIZED = READ + latency.LAYERNORM_NORMALIZE + WRITE


def layernorm(blocks: int, channels: int, passes: int) -> Lane:
    return Lane(
        layer="", function="layernorm", a=0, out=0, row_blocks=blocks, tokens=1, channels=channels, passes=passes
    )


@given(MACHINES, ROWS, st.integers(2, 20), st.integers(1, 4), st.sampled_from(("softmax_all", "softmax_topk")))
def test_routing_takes_what_the_router_declares(arch: Arch, tokens: int, experts: int, k: int, score: str) -> None:
    k = min(k, experts)
    blocks = len(groups(tokens, arch.array.side))
    route = Route(layer="", logits=0, row_blocks=blocks, tokens=tokens, experts=experts, k=k, score=score)
    cycles = latency.route(
        side=arch.array.side, tokens=tokens, frame_tokens=tokens, experts=experts, most_experts=experts, k=k,
        over_chosen=score == "softmax_topk", has_lines=ROUTER_FRACTION_BITS == 8,
    )  # fmt: skip
    assert timing(route, arch) == Timing(cycles, 0)


@pytest.mark.parametrize("kind", [Gather, ScatterAdd])
@given(MACHINES, st.integers(0, 40), st.integers(1, 90))
def test_a_transposer_fills_while_it_empties(
    kind: type[Gather | ScatterAdd], arch: Arch, rows: int, channels: int
) -> None:
    side = arch.array.side
    slots = 0
    for _ in groups(rows, side):
        slots += side * most_of_a_part(len(groups(channels, side)), arch)
    if kind is Gather:
        expected = Timing(slots, latency.gather(side, READ) + WRITE)
    else:
        expected = Timing(slots + latency.scatter_add(side, rows), WRITE)
    expected = expected if rows else Timing(0, 0)
    assert timing(kind(layer="", a=0, out=0, channels=channels, expert=1), arch, rows) == expected


def test_an_unknown_instruction_has_no_timing() -> None:
    with pytest.raises(TypeError, match="no timing for Instruction"):
        timing(Instruction(layer=""), Arch())
