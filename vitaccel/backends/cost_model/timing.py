"""How long an instruction occupies its engine, and when its result is there: closed forms, never simulated.

``occupied`` cycles after it starts, the engine may start its next instruction; ``occupied + latency`` cycles after it
starts, the result is written and dependants may start.
"""

from __future__ import annotations

from typing import NamedTuple

from vitaccel.arch import Arch, Memory
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.program import Attention, Gather, Instruction, Lane, MatMul, Route, ScatterAdd, Transfer


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
    """A DMA job: its beats, or its bursts' round trips, or the DRAM's rate, whichever takes longest.

    Beats are ``runs * ceil(run_bytes / beat)``, where rows that follow each other in DRAM are one run; every burst of
    at most ``burst_beats`` waits ``latency_cycles`` with ``outstanding`` of them in flight. Jobs follow each other
    without a gap; the latency shows only when a result is waited for.
    """
    memory = arch.memory
    runs, run_bytes = transfer.runs
    beats = runs * ceil_div(run_bytes, memory.beat_bytes)
    bursts = runs * ceil_div(ceil_div(run_bytes, memory.beat_bytes), memory.burst_beats)
    dram = -int(-(transfer.total_bytes / arch.dram_bytes_per_cycle) // 1)
    return Timing(max(beats, round_trip_cycles(bursts, beats, memory), dram), memory.latency_cycles)


def round_trip_cycles(bursts: int, beats: int, memory: Memory) -> int:
    """Least cycles for bursts of which only ``outstanding`` may be in flight: Little's law."""
    return ceil_div(bursts * memory.latency_cycles + beats, memory.outstanding)


def matmul_timing(row_blocks: int, n_tiles: int, k: int, arch: Arch) -> Timing:
    """``row_blocks * ceil(n_tiles / arrays) * max(K, P)`` cycles.

    A tile accumulates for K cycles while the one before drains its P columns; the last drain and the post-processing
    pipeline are the latency.
    """
    side = arch.array.side
    tiles = row_blocks * ceil_div(n_tiles, arch.array.count)
    return Timing(tiles * max(k, side), side + arch.array.post_latency_cycles)


def attention_timing(attention: Attention, arch: Arch) -> Timing:
    """Row-blocks of QK^T and of A.V, over all frames and rounds of heads.

    QK^T of a row-block takes ``ceil(keys / P) * max(head_dim, P)`` cycles and A.V ``ceil(value_dim / P) *
    max(passes * keys, P)``, with as many passes as 8-bit digits in a numerator. A.V also waits for the softmax
    statistics: P + post-processing latency after QK^T. A reuse of kept logits is A.V alone over row-blocks of keys.
    """
    side, count = arch.array.side, arch.array.count
    statistics = side + arch.array.post_latency_cycles
    rounds = attention.frames * ceil_div(attention.heads, count)
    passes = arch.numerics.numerator_passes
    value_tiles = ceil_div(attention.value_dim, side)
    if attention.mode != "none":
        blocks = rounds * ceil_div(attention.keys, side)
        apply = value_tiles * max(passes * attention.queries, side)
        # The second softmax of pre_softmax_T runs over the queries: its first statistics are not hidden.
        fill = attention.queries + statistics - side if attention.mode == "pre_softmax_T" else 0
        return Timing(blocks * apply + fill, statistics)
    blocks = rounds * ceil_div(attention.queries, side)
    logits = ceil_div(attention.keys, side) * max(attention.head_dim, side)
    apply = value_tiles * max(passes * attention.keys, side)
    if attention.in_flight == 1:
        return Timing(blocks * (logits + statistics + apply), statistics)
    return Timing(_pipelined(blocks, logits, apply, statistics), statistics)


def _pipelined(blocks: int, logits: int, apply: int, statistics: int) -> int:
    """Cycles of ``blocks`` row-blocks when QK^T of the next runs before A.V of this one."""
    now = logits
    ready = now + statistics
    for _ in range(blocks - 1):
        now += logits
        following = now + statistics
        now = max(now, ready) + apply
        ready = following
    return max(now, ready) + apply


def bank_channels(channels: int, side: int, count: int) -> int:
    """Channels of a row-block in the fullest bank, the first: tile t of P channels is in bank ``t % arrays``."""
    rounds, rest = divmod(channels, side * count)
    return rounds * side + min(rest, side)


def _vector_timing(instruction: Instruction, arch: Arch, rows: int) -> Timing:
    """One word (P lanes) of every bank a cycle; ``post_latency_cycles`` of pipeline."""
    side, count, post = arch.array.side, arch.array.count, arch.array.post_latency_cycles
    if isinstance(instruction, Lane):
        words = instruction.row_blocks * bank_channels(instruction.channels, side, count)
        return Timing(words * instruction.passes, post)
    if isinstance(instruction, Route):
        # Two streams of the logits (statistics, then top-k by insertion), then one queue entry a token and choice.
        words = instruction.row_blocks * instruction.experts * 2
        return Timing(words + instruction.tokens * instruction.k, post)
    if isinstance(instruction, Gather | ScatterAdd):
        # P rows of P channels fill the transposer while the P before them leave.
        words = ceil_div(rows, side) * side * ceil_div(ceil_div(instruction.channels, side), count)
        return Timing(words, side + post)
    raise TypeError(f"no timing for {type(instruction).__name__}")
