"""The PE array."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel_rtl.array import Array

SIDE = Option(name="side", default=8, least=2, most=64, summary="P, rows and columns of PEs")
ACCUMULATOR_BITS = Option(name="accumulator_bits", default=32, least=17, most=48, summary="width of a sum")


def _array(*, side: int, accumulator_bits: int) -> Any:
    return Array(side=side, accumulator_bits=accumulator_bits)


ARRAY = Block(
    name="array",
    summary="P x P output-stationary int8 multiply-accumulators, drained while the next tile accumulates",
    options=(SIDE, ACCUMULATOR_BITS),
    make=_array,
)
