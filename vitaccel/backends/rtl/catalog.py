"""Every block of the library by name: what ``gen-rtl --block``, the benches, synthesis and mutation choose from."""

from __future__ import annotations

from vitaccel.backends.rtl.block import Block
from vitaccel.backends.rtl.blocks import (
    array,
    buffer,
    dma,
    lanes,
    layernorm,
    moe,
    queues,
    registers,
    routed,
    softmax,
    stream,
)
from vitaccel.errors import BlockError, did_you_mean

BLOCKS: dict[str, Block] = {
    block.name: block
    for block in (
        stream.SKID_BUFFER,
        stream.FIFO,
        stream.ARBITER,
        stream.ROUTER,
        registers.REGISTERS,
        buffer.BUFFER,
        array.ARRAY,
        softmax.EXP2,
        softmax.STATISTICS,
        softmax.NUMERATORS,
        softmax.SOFTMAX,
        softmax.RECIPROCAL,
        softmax.ROW_FACTOR,
        softmax.PROBABILITY,
        lanes.REQUANTIZE,
        lanes.ACTIVATION,
        lanes.GELU,
        lanes.RESIDUAL,
        layernorm.RSQRT,
        layernorm.MOMENTS,
        layernorm.ROW_SCALE,
        layernorm.NORMALIZE,
        moe.TOPK,
        queues.EXPERT_QUEUES,
        queues.EXPERT_ROUTER,
        routed.GATHER,
        moe.TRANSPOSER,
        moe.WEIGH,
        routed.SCATTER_ADD,
        dma.READ,
        dma.WRITE,
    )
}
"""In the order in which data meets them."""


def block(name: str) -> Block:
    """Return a block of the library.

    Raises
    ------
    BlockError
        If there is none of this name.
    """
    if name not in BLOCKS:
        raise BlockError(f"a block must be one of {', '.join(BLOCKS)}, not {name}{did_you_mean(name, BLOCKS)}")
    return BLOCKS[name]
