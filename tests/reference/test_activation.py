"""Tables of activation functions: contract of the constructor, extremes, shapes, integers only."""

from __future__ import annotations

import math

import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.real_function import KINDS

CODES = torch.arange(-128, 128, dtype=torch.int8)
SIGMOIDAL = ("hardsigmoid", "sigmoid", "tanh")


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_the_table_in_integers_at_any_shape(kind: str) -> None:
    table = ActivationTable(kind, 1 / 16, 1 / 16)
    q = CODES.reshape(4, 1, 64).flip(-1)
    out = without_float(table.compute, q)
    assert out.dtype is torch.int64
    assert out.shape == q.shape
    assert out.flatten().tolist() == [table.table[int(c) + 128] for c in q.flatten()]


@pytest.mark.parametrize("kind", ["relu", "relu6", *SIGMOIDAL])
@pytest.mark.parametrize("bits", [8, 16])
def test_monotone_functions_have_monotone_tables(kind: str, bits: int) -> None:
    out = ActivationTable(kind, 0.05, 0.003, bits).compute(CODES)
    assert (out.diff() >= 0).all()


@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "gelu_sigmoid", "silu", "hardswish"])
@pytest.mark.parametrize("bits", [8, 16])
def test_the_others_fall_to_one_minimum_and_rise(kind: str, bits: int) -> None:
    steps = ActivationTable(kind, 0.05, 0.0002, bits).compute(CODES).diff().sign()
    turns = steps[steps != 0].diff().tolist()
    assert sum(turn != 0 for turn in turns) == 1
    assert sum(turns) == 2


@pytest.mark.parametrize(
    ("kind", "in_scale", "out_scale", "bits", "lowest", "at_zero", "highest"),
    [
        ("relu", 1.0, 0.5, 8, 0, 0, 127),
        ("relu", 1.0, 2.0, 8, 0, 0, 64),  # 63.5 goes up
        ("relu", 1.0, 2**-12, 16, 0, 0, 32767),
        ("tanh", 1.0, 1 / 128, 8, -128, 0, 127),
        ("sigmoid", 1.0, 1 / 128, 8, 0, 64, 127),
        ("gelu", 0.01, 1e-9, 16, -32768, 0, 32767),  # the output scale is too fine: everything saturates
        ("gelu", 1e-9, 1.0, 8, 0, 0, 0),
        ("silu", 1e3, 1e3, 8, 0, 0, 127),
    ],
)
def test_extremes(
    kind: str, in_scale: float, out_scale: float, bits: int, lowest: int, at_zero: int, highest: int
) -> None:
    table = ActivationTable(kind, in_scale, out_scale, bits)
    assert table.compute(torch.tensor([-128, 0, 127])).tolist() == [lowest, at_zero, highest]


def test_a_code_that_is_no_int8_is_no_address() -> None:
    for code in (-129, 128):
        with pytest.raises(IndexError):
            ActivationTable("relu", 1.0, 1.0).compute(torch.tensor([0, code]))


def test_no_tokens_no_values() -> None:
    assert ActivationTable("relu", 1.0, 1.0).compute(torch.zeros((0, 8), dtype=torch.int8)).shape == (0, 8)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("elu", 1.0, 1.0), r"activation must be one of relu, .*, not 'elu'"),
        (("relu", 0.0, 1.0), "input scale of relu must be positive and finite, not 0.0"),
        (("relu", 1.0, -1.0), "output scale of relu must be positive and finite, not -1.0"),
        (("relu", math.nan, 1.0), "input scale of relu must be positive and finite, not nan"),
        (("relu", 1.0, math.inf), "output scale of relu must be positive and finite, not inf"),
        (("relu", 1.0, 1.0, 12), "output of relu must have 8 or 16 bits, not 12"),
    ],
)
def test_what_has_no_table_is_refused(arguments: tuple[str, float, float], sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        ActivationTable(*arguments)
