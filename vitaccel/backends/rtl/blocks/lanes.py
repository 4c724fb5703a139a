# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Lanes behind the array: requantization, activation functions, and the addition of a residual stream."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel.reference.gelu import WideGelu
from vitaccel_rtl import activation, gelu, requantize, residual

ACC_BITS = Option(name="acc_bits", default=32, least=16, most=35, summary="width of an accumulator")
CODE_BITS = Option(name="bits", default=16, values=(8, 16), summary="width of a result; with 16, a word may ask for 8")
OFFSET = Option(name="offset", default=1, values=(0, 1), summary="whether a word has an offset, added first")
RESIDUAL_INPUT = Option(name="residual", default=1, values=(0, 1), summary="whether a word has residuals, added last")
PER_LANE = Option(name="per_lane", default=0, values=(0, 1), summary="whether each lane has its multiplier and shift")

ENTRY_BITS = Option(name="bits", default=8, values=(8, 16), summary="width of a result")
SLOTS = Option(name="slots", default=1, values=(1, 2, 4, 8, 16), summary="tables of 256 entries, one a word's choice")

WIDE_BITS = Option(name="bits", default=16, least=9, most=32, summary="width of a code")
FRACTION = Option(name="fraction", default=12, least=0, most=31, summary="fraction bits of a code, fewer than its bits")
SEGMENTS = Option(name="segments", default=64, least=1, most=1024, summary="straight lines before the remainder is 0")
STEP_BITS = Option(name="step_bits", default=4, least=0, most=12, summary="a segment is 2**-step_bits long")

STREAM_BITS = Option(name="bits", default=16, least=8, most=32, summary="width of the residual stream")
UPDATE_BITS = Option(name="update_bits", default=16, least=2, most=48, summary="width of what is added to it")


def gelu_of(spec: WideGelu) -> dict[str, Any]:
    """Return what a block with a GELU takes of its spec."""
    return {"table": spec.table, "bits": spec.bits, "fraction": spec.fraction, "step_bits": spec.step_bits}


def _requantize(*, lanes: int, acc_bits: int, bits: int, offset: int, residual: int, per_lane: int) -> Any:
    return requantize.Requantize(
        lanes=lanes,
        acc_bits=acc_bits,
        bits=bits,
        has_offset=bool(offset),
        has_residual=bool(residual),
        per_lane=bool(per_lane),
    )


def _activation(*, lanes: int, bits: int, slots: int) -> Any:
    return activation.Activation(lanes=lanes, bits=bits, slots=slots)


def _gelu(*, lanes: int, bits: int, fraction: int, segments: int, step_bits: int) -> Any:
    spec = WideGelu(bits=bits, fraction=fraction, segments=segments, step_bits=step_bits)
    return gelu.Gelu(lanes=lanes, **gelu_of(spec))


def _residual(*, lanes: int, bits: int, update_bits: int) -> Any:
    return residual.ResidualAdd(lanes=lanes, bits=bits, update_bits=update_bits)


REQUANTIZE = Block(
    name="requantize",
    summary="accumulators times a real constant, rounded once, plus a residual, saturated to int8 or int16",
    options=(lanes(), ACC_BITS, CODE_BITS, OFFSET, RESIDUAL_INPUT, PER_LANE),
    make=_requantize,
)

ACTIVATION = Block(
    name="activation",
    summary="any function of an int8 by loadable tables of 256 entries",
    options=(lanes(), ENTRY_BITS, SLOTS),
    make=_activation,
)

GELU = Block(
    name="gelu",
    summary="GELU of wide codes: ReLU less an even remainder of straight lines",
    options=(lanes(), WIDE_BITS, FRACTION, SEGMENTS, STEP_BITS),
    make=_gelu,
)

RESIDUAL = Block(
    name="residual",
    summary="the sum of two streams of one scale, saturated",
    options=(lanes(), STREAM_BITS, UPDATE_BITS),
    make=_residual,
)
