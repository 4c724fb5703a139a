"""Names of the softmax variants a machine can have: ``f6-u8`` is 6 fraction bits of the logits, 8-bit numerators."""

from __future__ import annotations

from vitaccel.arch import Numerics
from vitaccel.errors import VitaccelError, did_you_mean

ALL = "all"

MODES = {f"f{fraction}-u{numerator}": (fraction, numerator) for fraction in (6, 8) for numerator in (8, 12, 16)}
"""``logit_fraction_bits`` and ``numerator_bits`` of every mode."""


def softmax_modes(text: str) -> tuple[str, ...]:
    """Return the modes that a text asks for: one, or with ``all`` every one.

    Raises
    ------
    VitaccelError
        If there is no such mode.
    """
    if text == ALL:
        return tuple(MODES)
    if text not in MODES:
        known = (*MODES, ALL)
        raise VitaccelError(f"softmax mode must be one of {', '.join(known)}, not {text!r}{did_you_mean(text, known)}")
    return (text,)


def softmax_mode(numerics: Numerics) -> str:
    """Return the name of a machine's mode."""
    return f"f{numerics.logit_fraction_bits}-u{numerics.numerator_bits}"
