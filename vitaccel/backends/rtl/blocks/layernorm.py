# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""LayerNorm: the reciprocal square root, moments of rows, the factor of a row, and its normalization."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel.reference.rsqrt import Rsqrt
from vitaccel_rtl import layernorm, rsqrt

CODE_BITS = Option(name="bits", default=16, values=(8, 16), summary="width of a result; with 16, a word may ask for 8")


def rsqrt_of(spec: Rsqrt) -> dict[str, Any]:
    """Return what a block with a reciprocal square root takes of its spec."""
    return {"table": spec.table, "entry_bits": spec.entry_bits, "centre": spec.centre}


def _rsqrt(*, lanes: int) -> Any:
    return rsqrt.Rsqrt(lanes=lanes, **rsqrt_of(Rsqrt()))


def _moments(*, lanes: int) -> Any:
    return layernorm.LayerNormMoments(lanes=lanes)


def _row_scale(*, lanes: int) -> Any:
    return layernorm.LayerNormRowScale(lanes=lanes, **rsqrt_of(Rsqrt()))


def _normalize(*, lanes: int, bits: int) -> Any:
    return layernorm.LayerNormNormalize(lanes=lanes, bits=bits)


RSQRT = Block(
    name="rsqrt",
    summary="the reciprocal square root of a variance: a table and a Newton step",
    options=(lanes(),),
    make=_rsqrt,
)

MOMENTS = Block(
    name="layernorm-moments",
    summary="sum and sum of squares of rows, exact, one word a row",
    options=(lanes(),),
    make=_moments,
)

ROW_SCALE = Block(
    name="layernorm-row-scale",
    summary="one over the deviation of a row, from its moments",
    options=(lanes(),),
    make=_row_scale,
)

NORMALIZE = Block(
    name="layernorm-normalize",
    summary="rows less their mean, over their deviation, times gamma, plus beta",
    options=(lanes(), CODE_BITS),
    make=_normalize,
)
