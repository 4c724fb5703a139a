# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""The PE array."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel_rtl.array import Array

SIDE = Option(name="side", default=8, least=2, most=64, summary="P, rows and columns of PEs")
ACCUMULATOR_BITS = Option(name="accumulator_bits", default=32, least=17, most=48, summary="width of a sum")


MACS_PER_MULTIPLIER = Option(
    name="macs_per_multiplier", default=1, values=(1, 2), summary="2 where a multiplier takes 27 x 18 bits or more"
)
DIGITS = Option(name="digits", default=0, values=(0, 1), summary="whether wide operands are multiplied digit by digit")


def _array(*, side: int, accumulator_bits: int, macs_per_multiplier: int, digits: int) -> Any:
    return Array(
        side=side,
        accumulator_bits=accumulator_bits,
        macs_per_multiplier=macs_per_multiplier,
        has_digits=bool(digits),
    )


ARRAY = Block(
    name="array",
    summary="P x P output-stationary int8 multiply-accumulators, drained while the next tile accumulates",
    options=(SIDE, ACCUMULATOR_BITS, MACS_PER_MULTIPLIER, DIGITS),
    make=_array,
)
