"""Attention: shapes and MACs of every reuse of the logits, from the contraction written out for each head."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.ops.attention import REUSES, Attention, AttentionLogits
from vitaccel.ir.ops.base import Op
from vitaccel.ir.types import TensorType

SIZES = st.integers(1, 5)


def types(*shapes: tuple[int, ...]) -> tuple[TensorType, ...]:
    return tuple(TensorType(shape) for shape in shapes)


@given(SIZES, SIZES, SIZES, SIZES, SIZES, st.booleans())
def test_logits(batch: int, heads: int, m: int, n: int, width: int, masked: bool) -> None:
    q, k = np.zeros((batch, m, heads, width)), np.zeros((batch, n, heads, width))
    expected = np.einsum("bmhd,bnhd->bhmn", q, k)
    mask = [(1, 1, m, n)] * masked
    operands = types((batch, m, heads * width), (batch, n, heads * width), *mask)
    op = AttentionLogits(heads=heads, scale=width**-0.5)
    result = op.infer(*operands)
    assert result == TensorType(expected.shape)
    assert op.macs(operands, result) == expected.size * width == op.macs_dense(operands, result)


CONTRACTIONS = {
    "none": "bhmn,bnhd->bmhd",
    "post_softmax_T": "bhmn,bmhd->bnhd",
    "pre_softmax_T": "bhmn,bmhd->bnhd",
}


@pytest.mark.parametrize("reuse", CONTRACTIONS)
@given(sizes=st.tuples(SIZES, SIZES, SIZES, SIZES, SIZES))
def test_probabilities_times_values_of_each_head(reuse: str, sizes: tuple[int, int, int, int, int]) -> None:
    batch, heads, m, n, width = sizes
    seen = n if reuse == "none" else m
    expected = np.einsum(CONTRACTIONS[reuse], np.zeros((batch, heads, m, n)), np.zeros((batch, seen, heads, width)))
    operands = types((batch, heads, m, n), (batch, seen, heads * width))
    op = Attention(reuse=reuse)
    result = op.infer(*operands)
    assert result == TensorType((*expected.shape[:2], heads * width))
    assert op.macs(operands, result) == batch * heads * m * n * width


@given(sizes=st.tuples(SIZES, SIZES, SIZES, SIZES, SIZES))
def test_the_mean_over_heads_is_applied_to_all_channels(sizes: tuple[int, int, int, int, int]) -> None:
    batch, heads, m, n, channels = sizes
    mean = np.zeros((batch, heads, m, n)).mean(axis=1)
    expected = np.einsum("bmn,bmc->bnc", mean, np.zeros((batch, m, channels)))
    operands = types((batch, heads, m, n), (batch, m, channels))
    op = Attention(reuse="head_mean_T")
    result = op.infer(*operands)
    assert result == TensorType(expected.shape)
    assert op.macs(operands, result) == batch * m * n * channels


def test_the_reuses_are_those_that_are_tested() -> None:
    assert sorted(REUSES) == sorted([*CONTRACTIONS, "head_mean_T"])


@pytest.mark.parametrize(
    ("op", "shapes", "sentence"),
    [
        (AttentionLogits(), [(1, 5, 4), (1, 7, 6)], "attention of f32[1,5,4] and f32[1,7,6] must agree in channels"),
        (AttentionLogits(), [(5, 4), (1, 7, 4)], "attention of f32[5,4] and f32[1,7,4] must agree in channels"),
        (AttentionLogits(), [(1, 5, 4), (7, 4)], "attention of f32[1,5,4] and f32[7,4] must agree in channels"),
        (AttentionLogits(heads=3), [(1, 5, 4), (1, 7, 4)], "3 heads must divide 4 channels"),
        (AttentionLogits(), [(2, 5, 4), (1, 7, 4)], "attention of f32[2,5,4] and f32[1,7,4] must agree in batch"),
        (
            AttentionLogits(heads=2),
            [(1, 5, 4), (1, 7, 4), (1, 1, 7, 5)],
            "attention mask f32[1,1,7,5] must broadcast to f32[1,2,5,7]",
        ),
        (
            AttentionLogits(),
            [(1, 5, 4), (1, 7, 4), (1, 1, 1, 5, 7)],
            "attention mask f32[1,1,1,5,7] must broadcast to f32[1,1,5,7]",
        ),
        (
            AttentionLogits(heads=2),
            [(1, 5, 4), (1, 7, 4), (3, 2, 5, 7)],
            "attention mask f32[3,2,5,7] must broadcast to f32[1,2,5,7]",
        ),
        (Attention(), [(1, 2, 5, 7), (1, 5, 4)], "attention values f32[1,5,4] must have 7 tokens"),
        (Attention(), [(1, 2, 5, 7), (7, 4)], "attention values f32[7,4] must have 7 tokens"),
        *[
            (Attention(reuse=reuse), [(1, 2, 5, 7), (1, 7, 4)], "attention values f32[1,7,4] must have 5 tokens")
            for reuse in REUSES[1:]
        ],
        (Attention(), [(2, 2, 5, 7), (1, 7, 4)], "attention of f32[2,2,5,7] and f32[1,7,4] must agree in batch"),
        (Attention(), [(1, 2, 5, 7), (1, 7, 5)], "2 heads must divide 5 channels"),
        (
            Attention(reuse="pre"),
            [(1, 2, 5, 7), (1, 7, 4)],
            "attention reuse must be one of none, post_softmax_T, pre_softmax_T, head_mean_T, not 'pre'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(op: Op, shapes: list[tuple[int, ...]], sentence: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the sentence is compared below
        op.infer(*types(*shapes))
    assert str(refused.value) == sentence


def test_heads_need_not_divide_what_their_mean_is_applied_to() -> None:
    assert Attention(reuse="head_mean_T").infer(*types((1, 2, 5, 7), (1, 5, 3))) == TensorType((1, 7, 3))
