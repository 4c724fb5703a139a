"""At which pace the compute engine works: the times in an instruction, in frames, as formulas. Pure Python.

The assembler writes them into instructions, the gateware counts them down, and the cost model adds them up: there is
nothing else that a time on chip depends on.
"""

from __future__ import annotations

from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SET_BYTES
from vitaccel_rtl.latency import SLOTS

SELECT = 2
"""Cycles between the array and the requantization: a set is chosen for each word, and the bias added."""

DRAIN = latency.READ_RUN - 1 + latency.ARRAY
"""From the start of a tile of depth K to its first sums, K aside."""

LOGITS = DRAIN + SELECT + latency.REQUANTIZE
"""From the start of a tile to its first logits, K aside."""

RESULT = LOGITS + latency.ACTIVATION
"""From the start of a tile to its first result at the writer, K aside."""

SETS_LATE = 3
"""Cycles for which sums that drain by rows wait for the last of the sets of their columns: all lanes need theirs."""

KEPT_AHEAD = 2
"""Frames by which a run of kept logits sets out before the rest of its tile: they become probabilities on the way."""

LOGIT_READ = 2
"""Of the logit buffer: its memory, its output."""


def frames(cycles: int) -> int:
    """Frames that so many cycles take."""
    return -(-cycles // SLOTS)


def lead(depth: int, side: int) -> int:
    """Return the frames from accepting an instruction to its first tile, of depth *depth*.

    One is for decoding. A tile that is not as deep as P would be through before the one in front of it, which may be of
    any depth, has drained; it sets out later. An instruction is accepted when the last tile of the one before it has
    had its interval, so that there is a frame between the two: wherever in a frame runs begin, they do not meet.
    """
    return 1 + frames(max(0, side - 1 - depth))


class MatMulPace(NamedTuple):
    """Times of a matmul: from tile to tile, from the first tile of a column to the next, to the result."""

    interval: int
    first_interval: int
    result: int


class AttentionPace(NamedTuple):
    """Times of attention: from logits tile to tile, from values tile to tile, to the statistics, to the result."""

    logits_interval: int
    values_interval: int
    statistics: int
    result: int


def matmul_pace(
    depth: int,
    side: int,
    *,
    spread: int = 0,
    out_spread: int = 0,
    by_rows: bool = False,
    b_is_activation: bool,
) -> MatMulPace:
    """Return the times of a matmul.

    A tile takes the array ``max(K, P)`` cycles. Its operands are runs, which may begin anywhere in a frame: where they
    begin at different places the later one must not meet the earlier.

    Parameters
    ----------
    depth, side
        K and P.
    spread, out_spread
        How far apart, modulo 8, the places are at which operands of different tiles begin (the larger of A and of B in
        the activation buffer), and those at which results and residuals begin: 0 to 7.
    by_rows
        How tiles drain.
    b_is_activation
        Parameter sets come from the parameter buffer, a frame behind the start of a column, and not behind its weights.
    """
    cycles = latency.array_interval(depth + spread, side + out_spread)
    late = SETS_LATE if by_rows else 0
    first = SLOTS + side if b_is_activation else depth + SET_BYTES
    return MatMulPace(
        interval=frames(cycles),
        first_interval=frames(max(cycles, first, side + out_spread + late)),
        result=frames(depth + RESULT + late + side + latency.WRITE_RUN),
    )


def attention_pace(
    *,
    side: int,
    head_dim: int,
    keys: int,
    has_lines: bool,
    numerator_bits: int,
    spread: int = 0,
    out_spread: int = 0,
    kept_spread: int | None = None,
) -> AttentionPace:
    """Return the times of attention.

    Tiles of two depths take turns; one that is not as deep as the one before must not be through before that has
    drained.

    Parameters
    ----------
    side
        P.
    head_dim, keys
        Depths of a logits tile and of a values tile.
    has_lines, numerator_bits
        Of the softmax.
    spread, out_spread
        How far apart, modulo 8, the places are at which operands begin (the larger of queries, and of keys and values
        together), and those at which results do.
    kept_spread
        That of places at which kept logits begin; ``None`` if they are not kept.
    """
    summary = latency.softmax_statistics(has_lines=has_lines)
    numerators = latency.softmax_numerators(has_lines=has_lines, bits=numerator_bits)
    last_logit = head_dim + LOGITS + side - 1
    # The maximum is in its register when the first numerator asks for it, and the factor when the first sum drains.
    maximum = last_logit + summary + 1 - (latency.READ_RUN - numerators)
    factor = last_logit + summary + latency.ROW_FACTOR + 1 - (keys + DRAIN)
    return AttentionPace(
        logits_interval=frames(max(head_dim + spread, side + (kept_spread or 0), side + head_dim - keys)),
        values_interval=frames(max(keys + spread, side + out_spread, side + keys - head_dim)),
        statistics=frames(max(maximum, factor)),
        result=frames(keys + RESULT + side + latency.WRITE_RUN),
    )


def transposed_pace(*, side: int, queries: int, spread: int = 0, out_spread: int = 0) -> AttentionPace:
    """Return the times of attention with kept logits whose normalizer belongs to what is summed over.

    A tile has two digits, the logits of *queries* queries each; ``logits_interval`` is from the first to the second,
    ``values_interval`` from that to the next tile. Sums are there before the last result is, so *statistics* is 0.

    Parameters
    ----------
    side, queries
        P, and the depth of a digit.
    spread, out_spread
        How far apart, modulo 8, the places are at which logits and values, and results, begin.
    """
    interval = frames(max(queries + spread, -(-(side + out_spread) // 2)))
    return AttentionPace(
        logits_interval=interval,
        values_interval=interval,
        statistics=0,
        result=KEPT_AHEAD + frames(queries + RESULT + side + latency.WRITE_RUN),
    )
