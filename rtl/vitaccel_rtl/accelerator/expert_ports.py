"""What the parts of the expert unit ask of the activation buffer: runs of low and high bytes."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS

FETCH = data.StructLayout({"low": WORD_ADDRESS, "high": WORD_ADDRESS, "count": COUNT, "is_wide": 1})
"""Runs that begin with a frame, ``count`` 0 for none; that of high bytes only if ``is_wide``."""


def expert_reads(side):
    """Signature of who reads: ``fetch`` holds for a frame; from ``READ_RUN`` cycles on ``valid`` and the words."""
    return wiring.Signature({"fetch": Out(FETCH), "valid": In(1), "low": In(8 * side), "high": In(8 * side)})


def expert_writes(side):
    """Signature of who writes: a run with ``start``, its first words of low and high bytes with it."""
    return wiring.Signature({"start": Out(1), "run": Out(FETCH), "low": Out(8 * side), "high": Out(8 * side)})
