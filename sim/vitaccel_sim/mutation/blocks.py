"""At which points blocks are mutated, and which groups of them have a score to keep: small points, few equal lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vitaccel_sim.traffic.case import LONG_LENGTHS

LEAST_SCORE = 0.95

CLOSE_ROWS = (1, 1, 1, 2, 1, 3, 1, 2, 1, 1, 40, 1, 1, 2, 1, 1, 1, 3, 2, 2, 1, 1, 1)
"""Results one after another, so that some wait behind others."""

WIDE_ROWS = (4096, 4095, 4095, 4095)
"""The longest, of which one or another has ends of the range only: its squares reach the highest bits of their sum."""

SHORT_ROWS = (1,) * 80
"""More rows than the queues of a block hold."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A block at a point.

    Parameters
    ----------
    block, point
        Which.
    lengths
        Of rows beside those that the benches have at this point: with one lane a row has fewer values.
    alone
        Lengths of rows that come alone, as nothing may be kept back in a queue that what follows would push out. Where
        there are any, other rows come at full speed, and a reset, also after queues inside were full.
    """

    block: str
    point: Mapping[str, int]
    lengths: tuple[int, ...] = (*CLOSE_ROWS, *LONG_LENGTHS)
    alone: tuple[int, ...] = ()


PLACES = {
    place.block: place
    for place in (
        Place(
            block="softmax-statistics",
            point={"lanes": 1, "fraction_bits": 6, "keys": 577},
            lengths=(*CLOSE_ROWS, *(length for length in LONG_LENGTHS for _ in range(12))),
        ),
        Place(
            block="softmax-numerators",
            point={"lanes": 1, "fraction_bits": 6, "bits": 8},
            lengths=(*CLOSE_ROWS, *(length for length in LONG_LENGTHS for _ in range(12))),
        ),
        Place(block="exp2", point={"lanes": 1, "fraction_bits": 8}),
        Place(
            block="softmax",
            point={"lanes": 1, "fraction_bits": 6, "bits": 8, "keys": 16},
            lengths=(*SHORT_ROWS, *CLOSE_ROWS, *LONG_LENGTHS, *SHORT_ROWS),
            alone=(2, 3, 4, 5, 6, 7, 8),
        ),
        Place(block="reciprocal", point={"lanes": 1}),
        Place(block="row-factor", point={"lanes": 1, "bits": 8}),
        Place(block="gelu", point={"lanes": 1, "bits": 16, "fraction": 12, "segments": 64, "step_bits": 4}),
        Place(block="layernorm-moments", point={"lanes": 1}, lengths=(*CLOSE_ROWS, *WIDE_ROWS)),
        Place(block="layernorm-row-scale", point={"lanes": 1}),
        Place(block="layernorm-normalize", point={"lanes": 1, "bits": 16}),
        Place(block="rsqrt", point={"lanes": 1}),
        Place(
            block="requantize",
            point={"lanes": 1, "acc_bits": 32, "bits": 16, "offset": 1, "residual": 1, "per_lane": 0},
        ),
        Place(block="topk", point={"lanes": 1, "experts": 8, "k": 2}),
        Place(block="skid-buffer", point={"width": 2}),
        Place(block="fifo", point={"width": 2, "depth": 5}),
        Place(block="array", point={"side": 2, "accumulator_bits": 17, "macs_per_multiplier": 1, "digits": 1}),
        Place(block="transposer", point={"side": 3, "width": 2}),
    )
}
"""By the block's name."""

GROUPS = {
    "softmax": ("softmax-statistics", "softmax-numerators", "exp2", "softmax", "reciprocal", "row-factor"),
    "gelu": ("gelu",),
    "layernorm": ("layernorm-moments", "layernorm-row-scale", "layernorm-normalize", "rsqrt"),
    "requantize": ("requantize",),
    "topk": ("topk",),
    "stream control": ("skid-buffer", "fifo"),
}
"""Whose score is :data:`LEAST_SCORE` or more."""
