"""How long an instruction occupies its engine, and when its result is there: closed forms, never simulated.

Cycles of blocks are those of `vitaccel_rtl.latency`; `pipelines` chains them.

``occupied`` cycles after it starts, the engine may start its next instruction; ``occupied + latency`` cycles after it
starts, the result is written and dependants may start.
"""

from __future__ import annotations

from typing import NamedTuple

from vitaccel.arch import Arch
from vitaccel.backends.cost_model import pipelines
from vitaccel.ir.plan import ROUTER_FRACTION_BITS, ceil_div, has_lines
from vitaccel.ir.program import Attention, Gather, Instruction, Lane, MatMul, Route, ScatterAdd, Store, Transfer
from vitaccel.ir.tensor import turns
from vitaccel_rtl import latency
from vitaccel_rtl.dma_cycles import occupation
from vitaccel_rtl.dma_timing import Job


class Timing(NamedTuple):
    """Cycles an engine is occupied, and cycles more until the result is there."""

    occupied: int
    latency: int


def timing(instruction: Instruction, arch: Arch, rows: int | None = None) -> Timing:
    """Timing of any instruction; ``rows`` is the queue length of an expert's instruction (0 skips it)."""
    if rows == 0:
        return Timing(0, 0)
    if isinstance(instruction, Transfer):
        return transfer_timing(instruction, arch)
    if isinstance(instruction, MatMul):
        blocks = instruction.row_blocks if rows is None else ceil_div(rows, arch.array.side)
        return matmul_timing(blocks, instruction.n_tiles, instruction.k, arch)
    if isinstance(instruction, Attention):
        return attention_timing(instruction, arch)
    return _vector_timing(instruction, arch, rows or 0)


def transfer_timing(transfer: Transfer, arch: Arch) -> Timing:
    """A DMA job: its time on the bus, or its places in flight, or the DRAM's rate, whichever takes longest.

    Its status comes a constant latency after its last beat; what jobs after it wait for its places is no part of that.
    """
    writes = isinstance(transfer, Store)
    runs, run_bytes = transfer.runs
    stride_bytes = run_bytes if runs == 1 else transfer.stride_bytes
    job = Job(address=transfer.dram, rows=runs, row_bytes=run_bytes, stride_bytes=stride_bytes)
    alone, repeated = occupation(pipelines.bus(arch.memory, writes=writes), job)
    dram = -int(-(transfer.total_bytes / arch.dram_bytes_per_cycle) // 1)
    occupied = max(repeated, dram)
    return Timing(occupied, max(alone, dram) + pipelines.transfer_result(arch, writes=writes) - occupied)


def matmul_timing(row_blocks: int, n_tiles: int, k: int, arch: Arch) -> Timing:
    """``row_blocks * tiles * max(K, P)`` cycles, for the tiles of the array that has most.

    A tile accumulates for K cycles while the one before drains its P columns; the last drain and the pipeline around it
    are the latency.
    """
    tiles = row_blocks * turns(arch).most(n_tiles)
    return Timing(tiles * latency.array_interval(k, arch.array.side), pipelines.matmul_result(arch))


def attention_timing(attention: Attention, arch: Arch) -> Timing:
    """Row-blocks of QK^T and of A.V, over all frames and rounds of heads.

    QK^T of a row-block takes ``ceil(keys / P) * max(head_dim, P)`` cycles and A.V ``ceil(value_dim / P) *
    max(passes * keys, P)``, with as many passes as 8-bit digits in a numerator. A.V also waits for the softmax
    statistics of its row-block. A reuse of kept logits is A.V alone over row-blocks of keys.
    """
    side, count = arch.array.side, arch.array.count
    statistics, result = pipelines.statistics_ready(arch), pipelines.attention_result(arch)
    rounds = attention.frames * ceil_div(attention.heads, count)
    passes = arch.numerics.numerator_passes
    value_tiles = ceil_div(attention.value_dim, side)
    if attention.mode != "none":
        blocks = rounds * ceil_div(attention.keys, side)
        apply = value_tiles * latency.array_interval(passes * attention.queries, side)
        # The second softmax of pre_softmax_T runs over the queries: its first statistics are not hidden.
        is_second = attention.mode == "pre_softmax_T"
        fill = attention.queries + latency.BUFFER_READ + pipelines.chain(arch, "softmax-statistics") if is_second else 0
        return Timing(blocks * apply + fill, result)
    blocks = rounds * ceil_div(attention.queries, side)
    logits = ceil_div(attention.keys, side) * latency.array_interval(attention.head_dim, side)
    apply = value_tiles * latency.array_interval(passes * attention.keys, side)
    if attention.in_flight == 1:
        return Timing(blocks * (logits + statistics + apply), result)
    return Timing(_pipelined(blocks, logits, apply, statistics), result)


def _pipelined(blocks: int, first: int, second: int, wait: int) -> int:
    """Cycles of ``blocks`` row-blocks in two steps, *wait* cycles apart; the next block's first runs before."""
    now = first
    ready = now + wait
    for _ in range(blocks - 1):
        now += first
        following = now + wait
        now = max(now, ready) + second
        ready = following
    return max(now, ready) + second


def lane_timing(lane: Lane, arch: Arch) -> Timing:
    """One word (P lanes) of every bank a cycle. LayerNorm reads a row twice where nobody took its moments before.

    The moments of the next row-block are taken before this one is normalized, or asked for when it begins to be, which
    hides the way to its scale.
    """
    words = turns(arch).most_channels(lane.channels) * pipelines.lane_interval(lane.function)
    result = pipelines.lane_result(arch, lane.function)
    if lane.function != "layernorm":
        return Timing(lane.row_blocks * words * lane.passes, result)
    if lane.passes == 1:
        scale = pipelines.kept_scale_ready(arch)
        return Timing(scale + (lane.row_blocks - 1) * max(words, scale) + words, result)
    return Timing(_pipelined(lane.row_blocks, words, words, pipelines.row_scale_ready(arch)), result)


def route_timing(route: Route, arch: Arch) -> Timing:
    """The router's logits stream once, tokens are queued meanwhile, and a request may follow."""
    return Timing(
        latency.route(
            side=arch.array.side,
            tokens=route.tokens,
            frame_tokens=route.frame_tokens or route.tokens,
            experts=route.experts,
            most_experts=route.experts,
            k=route.k,
            over_chosen=route.score != "softmax_all",
            has_lines=has_lines(ROUTER_FRACTION_BITS),
        ),
        0,
    )


def routed_timing(instruction: Gather | ScatterAdd, arch: Arch, rows: int) -> Timing:
    """P words of every tile of every block of P queue entries, through the transposer.

    A gather's queues follow each other without a gap. A scatter-add begins when the one before has ended: a row may
    come again, and its sum must be there.
    """
    side = arch.array.side
    tiles = turns(arch).most(ceil_div(instruction.channels, side))
    if isinstance(instruction, Gather):
        behind = latency.gather(side, latency.BUFFER_READ) + pipelines.WRITE
        return Timing(latency.queue_slots(rows, tiles, side), behind)
    return Timing(latency.scatter_add_interval(rows, tiles, side), pipelines.WRITE)


def _vector_timing(instruction: Instruction, arch: Arch, rows: int) -> Timing:
    if isinstance(instruction, Lane):
        return lane_timing(instruction, arch)
    if isinstance(instruction, Route):
        return route_timing(instruction, arch)
    if isinstance(instruction, Gather | ScatterAdd):
        return routed_timing(instruction, arch, rows)
    raise TypeError(f"no timing for {type(instruction).__name__}")
