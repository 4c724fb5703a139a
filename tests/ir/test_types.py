"""Types: shapes with dimensions that may be unknown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.types import ELEMENTS, TensorType


@given(st.lists(st.integers(0, 4), max_size=5).map(tuple))
def test_a_static_type_has_the_rank_and_size_of_its_array(shape: tuple[int, ...]) -> None:
    of, array = TensorType(shape), np.empty(shape)
    assert (of.rank, of.size, of.static_shape, of.is_static) == (array.ndim, array.size, array.shape, True)


def test_an_unknown_dimension_makes_a_type_dynamic() -> None:
    of = TensorType((2, None), "i64")
    assert of.rank == 2
    assert not of.is_static
    for read in ("static_shape", "size"):
        with pytest.raises(ValueError, match=re.escape("shape must be static, not i64[2,?]")):
            getattr(of, read)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (TensorType(()), "f32[]"),
        (TensorType((1, 197, 768)), "f32[1,197,768]"),
        (TensorType((None, 0), "bool"), "bool[?,0]"),
    ],
)
def test_a_type_prints_in_one_word(of: TensorType, text: str) -> None:
    assert str(of) == text


def test_types_of_equal_shape_and_element_are_equal() -> None:
    assert TensorType((1, 2)) == TensorType((1, 2), "f32")
    assert TensorType((1, 2)) != TensorType((1, 2), "i64")
    assert len({TensorType((1, 2)), TensorType((1, 2)), TensorType((2, 1))}) == 2


def test_an_unknown_element_is_refused() -> None:
    assert [TensorType((), e).element for e in ELEMENTS] == ["f32", "i64", "bool"]
    with pytest.raises(ValueError, match=r"^element must be one of f32, i64, bool, not 'f16'$"):
        TensorType((1,), "f16")
