"""The memories of an accelerator that may be block RAMs, from what it is built from. Pure Python.

Those of :data:`SHALLOW` words or fewer are not among them: queues, waiting lines and transposers are LUTs everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vitaccel_rtl import dma_cycles, latency
from vitaccel_rtl.accelerator.buffer_formats import BYTE, STORED_BITS, TABLE_SLOTS
from vitaccel_rtl.accelerator.isa import MOST_CHOICES, MOST_EXPERTS, MOST_TOKENS
from vitaccel_rtl.accelerator.issue_timing import AHEAD, BEAT_BYTES, INSTRUCTION_WORDS, QUEUED
from vitaccel_rtl.dma_timing import PAGE_BYTES
from vitaccel_rtl.formats import LOGIT_BITS, SCORE_BITS, TABLE_ENTRIES
from vitaccel_rtl.synthesis.memory_mapping import Memory

SHALLOW = 32
"""Words of a memory that is not listed, at most."""

TABLE_BITS = 16
"""Of an entry of an activation table."""

RESIDUAL_PLACES = 64
"""Words of a residual that wait, of both bytes: those of a tile while it accumulates, and those of the next that come
while it drains."""

PROGRAM_BITS = 8 * BEAT_BYTES
"""Of a beat of the port that programs come from."""

ROOT_ENTRIES, ROOT_BITS = 256, 11
"""Of the table of the reciprocal square root."""

MOMENT_BITS = 71
"""Of a row whose moments are taken: sum, and sum of squares."""

STATISTICS_BITS = 33
"""Of a row of kept logits: maximum, and reciprocal of the sum."""


@dataclass(frozen=True, kw_only=True)
class MachineShape:
    """What decides which memories an accelerator has.

    Parameters
    ----------
    side, arrays
        P, and how many arrays there are.
    activation_words, weight_words, logit_words, parameter_sets
        Of a part of the buffers, one an array; parameter sets are not in parts.
    data_bits, burst_beats, outstanding
        Of the bus: see :class:`vitaccel_rtl.axi.Geometry`.
    kept_rows
        Rows of logits whose statistics are kept; 0 where none are.
    moment_blocks
        Row-blocks whose moments are kept; 0 where none are taken.
    has_experts
        Whether tokens are routed.
    """

    side: int
    arrays: int
    activation_words: int
    weight_words: int
    logit_words: int
    parameter_sets: int
    data_bits: int
    burst_beats: int
    outstanding: int
    kept_rows: int = 0
    moment_blocks: int = 0
    has_experts: bool = False


def memories(shape: MachineShape) -> dict[str, tuple[Memory, ...]]:
    """Return the memories of every block that has any: the names of blocks are those of the cost model's areas."""
    found = {
        "buffer": _buffer(shape),
        "cores": _cores(shape),
        "kept": _kept(shape),
        "moments": _moments(shape),
        "control": _control(),
        "load": _load(shape),
        "sets": (Memory(width=STORED_BITS, depth=shape.parameter_sets, count=shape.arrays + 1),),
        "lanes": _lanes(shape),
        "experts": _experts(shape),
    }
    return {block: tuple(each for each in listed if each.depth > SHALLOW) for block, listed in found.items()}


def _buffer(shape: MachineShape) -> tuple[Memory, ...]:
    """Banks of words, 8 in each part."""
    lines = shape.activation_words // latency.SLOTS
    return (Memory(width=BYTE * shape.side, depth=lines, count=latency.SLOTS * shape.arrays),)


def _cores(shape: MachineShape) -> tuple[Memory, ...]:
    """What each array has of its own: a table for each lane, weights, logits, and residuals that wait."""
    own = (
        Memory(width=TABLE_BITS, depth=TABLE_SLOTS * TABLE_ENTRIES, count=shape.side),
        Memory(width=BYTE * shape.side, depth=shape.weight_words),
        Memory(width=LOGIT_BITS * shape.side, depth=shape.logit_words),
        Memory(width=2 * BYTE * shape.side, depth=RESIDUAL_PLACES),
    )
    return tuple(replace(each, count=each.count * shape.arrays) for each in own)


def _kept(shape: MachineShape) -> tuple[Memory, ...]:
    """Statistics of the rows of each array."""
    return (Memory(width=STATISTICS_BITS, depth=shape.kept_rows, count=shape.arrays),) if shape.kept_rows else ()


def _moments(shape: MachineShape) -> tuple[Memory, ...]:
    """Moments of the rows of a row-block, of each array those that it drains."""
    if not shape.moment_blocks:
        return ()
    return (Memory(width=MOMENT_BITS * shape.side, depth=shape.moment_blocks, count=shape.arrays),)


def _control() -> tuple[Memory, ...]:
    """Beats of the program, each with its error, and the queues of the four engines, whose last word is a register."""
    return (
        Memory(width=PROGRAM_BITS + 1, depth=AHEAD * INSTRUCTION_WORDS),
        Memory(width=PROGRAM_BITS, depth=QUEUED * INSTRUCTION_WORDS - 1, count=4),
    )


def _load(shape: MachineShape) -> tuple[Memory, ...]:
    """Beats that were asked for, each with its error."""
    longest = min(shape.burst_beats, PAGE_BYTES * 8 // shape.data_bits)
    return (Memory(width=shape.data_bits + 1, depth=dma_cycles.buffer_beats(shape.outstanding, longest)),)


def _lanes(shape: MachineShape) -> tuple[Memory, ...]:
    """Tables: one a lane, and that of the reciprocal square root."""
    return (
        Memory(width=TABLE_BITS, depth=TABLE_SLOTS * TABLE_ENTRIES, count=shape.side),
        Memory(width=ROOT_BITS, depth=ROOT_ENTRIES, is_table=True),
    )


def _experts(shape: MachineShape) -> tuple[Memory, ...]:
    """What is stored of every choice, its row and its score, and which one follows it; and where lists begin and end.

    A list for every expert and rank of a choice. Its beginnings, of even and odd entries, and its end, which two read:
    both addresses, a count, and two bits. Their reads have a register behind them, so that they may be block RAMs.
    """
    if not shape.has_experts:
        return ()
    choices, lists = MOST_CHOICES * MOST_TOKENS, MOST_EXPERTS * MOST_CHOICES
    address = (choices - 1).bit_length()
    rows = -(-MOST_TOKENS // shape.side) * shape.side
    return (
        Memory(width=(rows - 1).bit_length() + SCORE_BITS, depth=choices),
        Memory(width=address, depth=choices),
        Memory(width=address, depth=lists, count=2),
        Memory(width=2 * address + MOST_TOKENS.bit_length() + 2, depth=lists, count=2),
    )
