"""Parameter sets of every kind of kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.ir.ops import ACTIVATIONS
from vitaccel.ir.parameters import (
    TABLE_ENTRIES,
    decode_sets,
    decode_wide,
    encode_sets,
    encode_wide,
    parameter_sets,
    table_bytes,
)
from vitaccel.ir.plan import AttentionKernel, Kernel, LaneKernel, MatMulKernel, MoeKernel

NAMES: dict[str, Any] = {"label": "l", "node": "n", "op": "o", "out": "x"}


def lane(function: str, operands: int = 1, passes: int = 1) -> LaneKernel:
    return LaneKernel(**NAMES, function=function, operands=("a", "b")[:operands], channels=20, passes=passes)


SETS: list[tuple[Kernel, int]] = [
    (MatMulKernel(**NAMES, a="a", weight_name="w", n=20, n_tiles=3), 0),
    (MatMulKernel(**NAMES, a="a", b="b", n=20, n_tiles=3), 24),
    (AttentionKernel(**NAMES, heads=3), 6),
    (MoeKernel(**NAMES, x="x", logits="l"), 1),
    (lane("layernorm"), 21),
    (lane("convert"), 20),
    (lane("mul"), 20),
    (lane("mul", operands=2), 1),
    (lane("add"), 20),
    (lane("add", operands=2), 2),
    (lane("depthwise", passes=9), 60),
    (lane("gelu"), 1),
    (lane("head_mean"), 1),
    (lane("copy"), 0),
    (lane("pool_max"), 0),
]


@pytest.mark.parametrize(("kernel", "sets"), SETS)
def test_parameter_sets(kernel: Kernel, sets: int) -> None:
    assert parameter_sets(kernel, 8) == sets


def test_a_table_is_as_wide_as_what_it_makes() -> None:
    active = MatMulKernel(**NAMES, a="a", weight_name="w", activation="gelu")
    assert [table_bytes(active, width) for width in (1, 2)] == [TABLE_ENTRIES, 2 * TABLE_ENTRIES]
    assert table_bytes(MatMulKernel(**NAMES, a="a"), 2) == 0
    # What the second matmul of an expert writes is int16, what the table makes is not.
    assert table_bytes(MoeKernel(**NAMES, x="x", logits="l"), 2) == TABLE_ENTRIES
    assert {table_bytes(lane(kind), 2) for kind in ACTIVATIONS} == {2 * TABLE_ENTRIES}
    assert table_bytes(lane("layernorm"), 2) == 0


def test_sets_come_back_from_their_bytes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    offsets = rng.integers(-(2**31), 2**31, 100)
    multipliers = rng.integers(-(2**17), 2**17, 100)
    shifts = rng.integers(0, 64, 100)
    offsets[:2], multipliers[:2], shifts[:2] = (-(2**31), 2**31 - 1), (-(2**17), 2**17 - 1), (0, 63)
    raw = encode_sets(offsets, multipliers, shifts)
    assert raw.size == 100 * PARAMETER_BYTES
    assert np.array_equal(decode_sets(raw), [offsets, multipliers, shifts])
    assert encode_sets(-1, 3, 5).tolist() == [255, 255, 255, 255, 3, 0, 20, 0]


@pytest.mark.parametrize("value", [1, 2**62 - 1, 123456789012345])
def test_a_wide_set_holds_64_bits(value: int) -> None:
    assert encode_wide(value).size == PARAMETER_BYTES
    assert decode_wide(encode_wide(value)) == value


def test_a_multiplier_of_a_set_is_as_wide_as_one_of_the_reference() -> None:
    """The two stand beside each other in the layers, so neither may import the other: this holds them together."""
    from vitaccel.ir import parameters
    from vitaccel.reference import requantize

    assert parameters.MULTIPLIER_BITS == requantize.MULTIPLIER_BITS
