"""Pipelines of the machine as chains of blocks: cycles from an operand's address to its result in the buffer.

Every number is a formula of `vitaccel_rtl.latency`, from which the gateware is built and which its benches measure;
here they are only added up along the ways that data take.
"""

from __future__ import annotations

from functools import lru_cache

from vitaccel.arch import Arch, Memory
from vitaccel.ir.plan import has_lines
from vitaccel_rtl import dma_cycles, latency
from vitaccel_rtl.dma_timing import PAGE_BYTES

WRITE = 1
"""A word into the activation or logit buffer."""


def stages(arch: Arch) -> dict[str, int]:
    """Return the latency of each block on a machine, by its name in `vitaccel.backends.rtl.catalog`."""
    lines, bits = has_lines(arch.numerics.logit_fraction_bits), arch.numerics.numerator_bits
    return {
        "array": latency.ARRAY,
        "requantize": latency.REQUANTIZE,
        "activation": latency.ACTIVATION,
        "softmax-statistics": latency.softmax_statistics(has_lines=lines),
        "softmax-numerators": latency.softmax_numerators(has_lines=lines, bits=bits),
        "layernorm-moments": latency.LAYERNORM_MOMENTS,
        "layernorm-row-scale": latency.LAYERNORM_ROW_SCALE,
        "layernorm-normalize": latency.LAYERNORM_NORMALIZE,
    }


INTERVALS = {
    "buffer": latency.WORD_INTERVAL,
    "requantize": latency.WORD_INTERVAL,
    "activation": latency.WORD_INTERVAL,
    "softmax-statistics": latency.WORD_INTERVAL,
    "softmax-numerators": latency.WORD_INTERVAL,
    "layernorm-moments": latency.WORD_INTERVAL,
    "layernorm-row-scale": latency.WORD_INTERVAL,
    "layernorm-normalize": latency.WORD_INTERVAL,
}
"""Cycles from a word to the next in the blocks of streams. Those of the array, of the router, of queues and of DMA jobs
depend on their rows: :mod:`timing` has them."""


def interval(*blocks: str) -> int:
    """Cycles from a word to the next through blocks, one after another: those of the slowest, the buffer among them."""
    return max(INTERVALS[block] for block in ("buffer", *blocks))


def chain(arch: Arch, *blocks: str) -> int:
    """Cycles of a word through blocks, one after another."""
    cycles = stages(arch)
    return sum(cycles[block] for block in blocks)


def matmul_result(arch: Arch) -> int:
    """From the last address of a matmul's operands to its last result: read, P words drain, epilogue, write."""
    drain = arch.array.side - 1
    return latency.BUFFER_READ + drain + chain(arch, "array", "requantize", "activation") + WRITE


def attention_result(arch: Arch) -> int:
    """From the last address of A.V's operands to the last output: read, numerators, P words drain, epilogue, write."""
    drain = arch.array.side - 1
    return latency.BUFFER_READ + drain + chain(arch, "softmax-numerators", "array", "requantize") + WRITE


def statistics_ready(arch: Arch) -> int:
    """From the last address of QK^T of a row-block to the first of its A.V: P words of logits drain into statistics."""
    drain = arch.array.side - 1
    return latency.BUFFER_READ + drain + chain(arch, "array", "requantize", "softmax-statistics")


def row_scale_ready(arch: Arch) -> int:
    """From the address of a row's last channel to the scale that LayerNorm normalizes the row with."""
    return latency.BUFFER_READ + chain(arch, "layernorm-moments", "layernorm-row-scale")


def kept_scale_ready(arch: Arch) -> int:
    """From the address of a row's moments, where they were taken as it drained, to the scale of the row."""
    return latency.BUFFER_READ + chain(arch, "layernorm-row-scale")


def lane_result(arch: Arch, function: str) -> int:
    """From the last address of a stream through the lanes to its last result."""
    return latency.BUFFER_READ + chain(arch, *_lane_blocks(function)) + WRITE


def lane_interval(function: str) -> int:
    """From a word of a stream through the lanes to the next; LayerNorm takes it for the moments of a row, too."""
    return interval(*_lane_blocks(function), *(("layernorm-moments",) if function == "layernorm" else ()))


def _lane_blocks(function: str) -> tuple[str, ...]:
    ways = {"layernorm": ("layernorm-normalize",), "copy": (), "zero": ()}
    return ways.get(function, ("requantize", "activation"))


@lru_cache
def bus(memory: Memory, *, writes: bool) -> dma_cycles.Bus:
    """Return the bus of a direction: all ports side by side, striped, with the turn of its engine."""
    of_direction = dma_cycles.write_bus if writes else dma_cycles.read_bus
    return of_direction(
        latency_cycles=memory.latency_cycles,
        beat_bytes=memory.beat_bytes,
        burst_beats=min(memory.burst_beats, PAGE_BYTES * 8 // memory.bus_bits),
        outstanding=memory.outstanding,
        page_bytes=PAGE_BYTES * memory.ports,
    )


def transfer_result(arch: Arch, *, writes: bool) -> int:
    """From the descriptor of a job to its status, beside its cycles on the bus: the engine's stages, the memory."""
    side, memory = arch.array.side, arch.memory
    cycles = dma_cycles.write_latency if writes else dma_cycles.read_latency
    return cycles(memory.latency_cycles, beat_bytes=memory.beat_bytes, word_bytes=side, align_bytes=side)
