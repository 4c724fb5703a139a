"""Errors that a user can act on: one sentence each, no traceback.

Every module raises one of these classes; the command line prints the sentence and exits with :data:`EXIT_BAD_INPUT`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_NO = 1
"""Exit code when the answer is no: a mismatch, or a design that does not fit."""

EXIT_BAD_INPUT = 2
"""Exit code when the input or a flag is wrong."""


class VitaccelError(Exception):
    """Base of every error shown to a user; ``str(error)`` is one sentence.

    Parameters
    ----------
    message
        One sentence of the form *X must be Y, not Z*, with the place and what is supported.
    """

    exit_code = EXIT_BAD_INPUT


class ModelError(VitaccelError):
    """The ONNX file cannot be read, is inconsistent, or holds values no accelerator can take (NaN, Inf)."""


class UnsupportedError(VitaccelError):
    """The model is valid ONNX but uses something that has no mapping to the machine."""


class ArchError(VitaccelError):
    """A machine description or one of its keys is impossible or unknown."""


class NumericsError(VitaccelError):
    """A number format, or a parameter of an integer operation, that no hardware block has."""


class BlockError(VitaccelError):
    """A block of gateware that does not exist, or an option that it cannot have."""


class QuantizationError(VitaccelError):
    """The model must be quantized, or quantized otherwise, to run in integers."""


class CapacityError(VitaccelError):
    """The program does not fit the machine (a buffer, an accumulator range); exit code 1, the answer is no."""

    exit_code = EXIT_NO


class OutputError(VitaccelError):
    """An output file cannot be written."""


class VerifyError(VitaccelError):
    """The Graph or the Program breaks one of its own rules: a defect of vitaccel, told with the pass that caused it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
