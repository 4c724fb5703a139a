"""Parameter sets of kernels: how many there are and what stands in them; their integers come with quantization.

A set is :data:`~vitaccel.arch.PARAMETER_BYTES` bytes: an int32 (a bias or offset), then an 18-bit signed multiplier and
a 6-bit shift in the low bits of the next four bytes. Weight tiles carry the sets of their columns themselves; every
other kernel loads its sets into the parameter ring, in the order given here:

- a matmul of two activations: one set for each column, padding included;
- attention: two sets a head, for the logits and for the output;
- ``layernorm``: one set that holds epsilon as a 64-bit integer, then one for each channel;
- ``convert``, and ``add`` or ``mul`` of a constant for each channel: one set a channel;
- ``add`` of two tensors: one set an operand; ``mul`` of two tensors, activations, softmax, means: one;
- ``depthwise``: for each channel one set and its taps, in whole sets;
- experts: one set for what is scattered.

An activation has a table of :data:`TABLE_ENTRIES` outputs, one for each int8 input, from -128 up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.ir.ops import ACTIVATIONS
from vitaccel.ir.plan import AttentionKernel, Kernel, LaneKernel, MatMulKernel, MoeKernel, ceil_div

MULTIPLIER_BITS = 18
"""Width of a multiplier in a set, sign included; the shift stands above it."""

TABLE_ENTRIES = 256

TABLE_SLOTS = 2
"""Activation tables on chip: one in use, one loading."""

SETS_WITHOUT_CHANNELS = {"softmax": 1, "head_mean": 1, "pool_avg": 1, "resize": 1}
"""Sets of lane functions that treat all channels alike; what is not named anywhere has none."""


def parameter_sets(kernel: Kernel, side: int) -> int:
    """Parameter sets a kernel loads into the parameter ring, on arrays of ``side`` x ``side`` PEs."""
    if isinstance(kernel, MatMulKernel):
        return kernel.n_tiles * side if kernel.b else 0
    if isinstance(kernel, AttentionKernel):
        return 2 * kernel.heads
    if isinstance(kernel, MoeKernel):
        return 1
    assert isinstance(kernel, LaneKernel)
    return _lane_sets(kernel)


def _lane_sets(kernel: LaneKernel) -> int:
    function, channels = kernel.function, kernel.channels
    if function == "layernorm":
        return 1 + channels
    if function == "convert":
        return channels
    if function in ("add", "mul"):
        return channels if len(kernel.operands) == 1 else 2 if function == "add" else 1
    if function == "depthwise":
        return channels * (1 + ceil_div(kernel.passes, PARAMETER_BYTES))
    return 1 if function in ACTIVATIONS else SETS_WITHOUT_CHANNELS.get(function, 0)


def table_bytes(kernel: Kernel, out_bytes: int) -> int:
    """Bytes of a kernel's activation table: 256 entries as wide as the result; 0 without one.

    ``out_bytes`` is the width of what the kernel writes; experts have theirs between two matmuls, in int8.
    """
    if isinstance(kernel, MatMulKernel):
        return TABLE_ENTRIES * out_bytes if kernel.activation else 0
    if isinstance(kernel, MoeKernel):
        return TABLE_ENTRIES
    if isinstance(kernel, LaneKernel) and kernel.function in ACTIVATIONS:
        return TABLE_ENTRIES * out_bytes
    return 0


def encode_sets(offsets: ArrayLike, multipliers: ArrayLike, shifts: ArrayLike) -> np.ndarray:
    """Bytes of parameter sets, from integer vectors that broadcast to one length.

    Returns
    -------
    np.ndarray
        uint8, 8 bytes a set: the int32 offset, then ``shift << 18 | multiplier`` (two's complement, 18 bits).
    """
    offset, multiplier, shift = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, np.int64)) for x in (offsets, multipliers, shifts))
    )
    words = np.stack([offset, shift << MULTIPLIER_BITS | multiplier & ((1 << MULTIPLIER_BITS) - 1)], axis=-1)
    return words.astype("<u4").view(np.uint8).reshape(-1)


def decode_sets(raw: np.ndarray) -> np.ndarray:
    """Offsets, multipliers and shifts of parameter sets, int64 ``[3, sets]``: what :func:`encode_sets` was given."""
    words = np.ascontiguousarray(raw).view("<u4").reshape(-1, 2).astype(np.int64)
    offset = words[:, 0].astype(np.uint32).view(np.int32).astype(np.int64)
    low = words[:, 1] & ((1 << MULTIPLIER_BITS) - 1)
    multiplier = low - ((low >> MULTIPLIER_BITS - 1) << MULTIPLIER_BITS)
    return np.stack([offset, multiplier, words[:, 1] >> MULTIPLIER_BITS])


def encode_wide(value: int) -> np.ndarray:
    """One set that holds a 64-bit integer (the epsilon of a LayerNorm)."""
    return np.array([value], "<i8").view(np.uint8)


def decode_wide(raw: np.ndarray) -> int:
    """The integer of :func:`encode_wide`."""
    return int(np.ascontiguousarray(raw).view("<i8")[0])
