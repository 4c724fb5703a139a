from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks import softmax
from vitaccel.errors import BlockError
from vitaccel.reference.exp2 import Exp2, Exp2Linear
from vitaccel.reference.reciprocal import Reciprocal


def test_powers_are_those_of_the_spec() -> None:
    assert softmax.powers_of(6) == {"fraction_bits": 6, "table": Exp2(6).mantissas}
    assert softmax.powers_of(8) == {"fraction_bits": 8, "table": Exp2Linear(8).lines}


def test_a_reciprocal_is_that_of_the_spec() -> None:
    spec = Reciprocal(5, 10)
    assert softmax.reciprocal_of(spec) == {"table": spec.table, "entry_bits": 10, "centre": spec.centre}


@pytest.mark.parametrize(("keys", "sum_bits"), [(1, 16), (577, 25), (4096, 28)])
def test_a_sum_is_as_wide_as_the_longest_row_needs(keys: int, sum_bits: int) -> None:
    statistics = softmax.STATISTICS.component(keys=keys, lanes=1)
    assert statistics.o.payload.shape()["total"].shape.elem_shape.width == sum_bits


def test_rows_longer_than_a_sum_holds_are_refused() -> None:
    with pytest.raises(BlockError, match=r"^keys of block softmax-statistics must be 1 to 4096, not 4097$"):
        softmax.STATISTICS.component(keys=4097)
