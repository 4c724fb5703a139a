"""Layouts of decoded instructions, from the tables of :mod:`vitaccel_rtl.accelerator.isa`."""

from amaranth.hdl import Cat
from amaranth.lib import data

from vitaccel_rtl.accelerator.isa import INSTRUCTION_BYTES, OPERATION, WAITS

NOT_DECODED = {OPERATION.name, *(field.name for field in WAITS)}
"""What an engine never sees: its instructions are there when what they wait for is."""

RAW = data.StructLayout({"operation": OPERATION.bits, "words": INSTRUCTION_BYTES * 8})
"""An instruction as an engine gets it on its stream: its operation, and all of its bits."""


def instruction_layout(operation):
    """Layout of an instruction as an engine gets it: its own fields, and its expert."""
    return data.StructLayout(
        {placed.field.name: placed.field.bits for placed in operation.places if placed.field.name not in NOT_DECODED}
    )


def decoded(operation, words):
    """Return a value of :func:`instruction_layout` made of the bits of an instruction.

    Parameters
    ----------
    operation
        What the instruction is.
    words
        The 1024 bits of it, word 0 lowest.
    """
    return Cat(
        words[32 * placed.word + placed.low : 32 * placed.word + placed.low + placed.field.bits]
        for placed in operation.places
        if placed.field.name not in NOT_DECODED
    )
