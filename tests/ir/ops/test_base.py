"""What all operations share: attributes, broadcasting, windows."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vitaccel.ir.ops as ops
from vitaccel.ir.ops.base import Const, Foreign, Input, Op, broadcast, need, window_counts
from vitaccel.ir.types import TensorType

OPS = [c for c in vars(ops).values() if isinstance(c, type) and issubclass(c, Op) and c is not Op]
SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@dataclass(frozen=True)
class Sample(Op):
    name: ClassVar[str] = "sample"
    kind: str = "a"
    size: int = 1

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return 7 * result.size


def test_attributes_are_those_that_are_not_the_default() -> None:
    assert Sample().attributes() == {}
    assert Sample(size=2).attributes() == {"size": 2}
    assert Sample(kind="b", size=0).attributes() == {"kind": "b", "size": 0}


def test_without_experts_all_macs_are_dense() -> None:
    of = TensorType((2, 3))
    assert Op().macs((of,), of) == 0
    assert Sample().macs_dense((of,), of) == 42


@pytest.mark.parametrize("op", [Input(), Const(), Foreign(op_type="NonZero"), Sample()])
def test_the_type_of_a_leaf_must_be_given(op: Op) -> None:
    with pytest.raises(ValueError, match=rf"^the type of {op.name} must be given$"):
        op.infer()


@pytest.mark.parametrize("op", OPS)
def test_an_op_is_a_value_with_a_default_for_every_attribute(op: type[Op]) -> None:
    assert op() == op()
    assert hash(op()) == hash(op())
    assert op().attributes() == {}
    with pytest.raises((FrozenInstanceError, TypeError)):
        op().anything = 1  # type: ignore[attr-defined]


def test_every_op_has_a_name_of_its_own_and_is_exported() -> None:
    assert len(OPS) == 26
    assert len({op.name for op in OPS}) == len(OPS)
    assert {op.__name__ for op in OPS} <= set(ops.__all__)


def test_a_need_that_does_not_hold_is_a_sentence() -> None:
    need(True, "never")
    with pytest.raises(ValueError, match=r"^x must be y$"):
        need(False, "x must be y")


def test_attributes_of_a_foreign_operator() -> None:
    foreign = Foreign(op_type="Clip", attrs=(("min", 0), ("mode", "a")))
    assert [foreign.attr("min"), foreign.attr("mode", "b"), foreign.attr("max", 6), foreign.attr("max")] == [
        0,
        "a",
        6,
        None,
    ]


@given(SHAPES, SHAPES)
def test_shapes_broadcast_as_in_numpy(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ValueError, match=re.escape(f"{a} and {b} must broadcast")):
            broadcast(a, b)
        return
    assert broadcast(a, b) == expected


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [((None, 3), (1,), (None, 3)), ((1, 3), (None, 3), (None, 3)), ((None,), (None,), (None,)), ((None,), (2,), None)],
)
def test_an_unknown_dimension_broadcasts_with_itself_and_one(
    a: tuple[int | None, ...], b: tuple[int | None, ...], result: tuple[int | None, ...] | None
) -> None:
    if result is not None:
        assert broadcast(a, b) == result
        return
    with pytest.raises(ValueError, match="must broadcast"):
        broadcast(a, b)


def positions(length: int, size: int, stride: int, before: int, after: int, dilation: int) -> int:
    """Count the places of a window in a padded row, by trying every one."""
    padded = before + length + after
    taps = np.arange(size) * dilation
    return sum(bool((start + taps < padded).all()) for start in range(0, padded, stride))


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(*[st.integers(0, 3)] * 4),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_windows_are_counted(
    image: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> None:
    expected = tuple(
        positions(image[a], kernel[a], stride[a], padding[a], padding[a + 2], dilation[a]) for a in range(2)
    )
    x = TensorType((1, 2, *image))
    if min(expected) == 0:
        with pytest.raises(ValueError, match=re.escape(f"window {kernel} must fit into {x}")):
            window_counts(x, kernel, stride, padding, dilation)
        return
    assert window_counts(x, kernel, stride, padding, dilation) == expected
