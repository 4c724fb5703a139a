"""What instructions are made of: numbers of so many bits, and the widths that many of them have. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass

WORD_ADDRESS = 20
"""Bits of an address in an on-chip buffer, in words of P bytes."""

STEP = 16
"""Bits of a distance from one row-block, tile or head to the next, in words of P bytes."""

COUNT = 16
"""Bits of a number of rows, channels, tokens or tiles."""

COMPLETIONS = 24
"""Bits of a number of completed instructions."""

DRAM_ADDRESS = 32
FRAMES = 16
"""Bits of a time in frames of 8 cycles."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Some bits of an instruction: an unsigned number.

    Parameters
    ----------
    name
        As the assembler and the gateware call it.
    bits
        Width, 1 to 32.
    summary
        Meaning and unit, one line.
    """

    name: str
    bits: int
    summary: str


def address(name: str, summary: str) -> Field:
    """Return a field of an address on chip."""
    return Field(name=name, bits=WORD_ADDRESS, summary=summary)


def step(name: str, summary: str) -> Field:
    """Return a field of a distance on chip."""
    return Field(name=name, bits=STEP, summary=summary)


def count(name: str, summary: str) -> Field:
    """Return a field of a number of things."""
    return Field(name=name, bits=COUNT, summary=summary)


def frames(name: str, summary: str) -> Field:
    """Return a field of a time."""
    return Field(name=name, bits=FRAMES, summary=f"{summary}, in frames")


def flag(name: str, summary: str) -> Field:
    """Return a field of one bit."""
    return Field(name=name, bits=1, summary=summary)
