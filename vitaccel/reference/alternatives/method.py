"""The calling shape that every published softmax has here, and what several of them need."""

from __future__ import annotations

from math import isfinite
from typing import Protocol

import torch
from torch import Tensor

from vitaccel.errors import NumericsError

BASE2_LIMIT = 62
"""The largest exponent of :func:`floor_log2`."""


class SoftmaxMethod(Protocol):
    """Integer logits in, integer probabilities out.

    ``logit_scale`` is what one code of the port is worth as a logit of base e, ``logit_bits`` the signed width of the
    port, ``output_bits`` the width that the method calls its own, and ``output_scale`` what one unit of the result is
    worth as a probability.
    """

    @property
    def logit_scale(self) -> float: ...

    @property
    def logit_bits(self) -> int: ...

    @property
    def output_bits(self) -> int: ...

    @property
    def output_scale(self) -> float: ...

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        ...


def floor_log2(x: Tensor) -> Tensor:
    """Return ``floor(log2(x))`` of positive int64 integers, which is the place of the leading one."""
    powers = torch.tensor([1 << place for place in range(BASE2_LIMIT + 1)])
    return torch.searchsorted(powers, x, right=True) - 1


def check_scale(scale: float, smallest: float, what: str) -> None:
    """Refuse a scale that the integers of a method cannot take.

    Raises
    ------
    NumericsError
        If *scale* is not a finite number of at least *smallest*.
    """
    if not isfinite(scale) or scale < smallest:
        raise NumericsError(f"scale of {what} must be finite and at least {smallest:g}, not {scale:g}")


def check_bits(bits: int, least: int, most: int, what: str) -> None:
    """Refuse a width outside *least* to *most*.

    Raises
    ------
    NumericsError
        If it is.
    """
    if not least <= bits <= most:
        raise NumericsError(f"{what} must be {least} to {most} bits wide, not {bits}")
