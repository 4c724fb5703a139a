"""Activation functions of int8 values: a table of 256 entries, each the true value rounded once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isfinite

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import Fixed, as_int64
from vitaccel.reference.real_function import check_kind, rounded_activation

INPUT = Fixed(8, 0)
"""What comes in: the pre-activation, requantized to int8."""


@dataclass(frozen=True)
class ActivationTable:
    """An activation function from int8 codes of one scale to codes of another: one read of a 256-entry ROM.

    Parameters
    ----------
    kind
        One of :data:`vitaccel.reference.real_function.KINDS`.
    in_scale
        What one step of the input is worth.
    out_scale
        What one step of the output is worth.
    out_bits
        Width of the signed output, 8 (what a matmul reads) or 16.

    Raises
    ------
    NumericsError
        If the kind is unknown, a scale is not positive and finite, or *out_bits* is neither 8 nor 16.
    """

    kind: str
    in_scale: float
    out_scale: float
    out_bits: int = 8

    def __post_init__(self) -> None:
        check_kind(self.kind)
        for name, scale in (("input", self.in_scale), ("output", self.out_scale)):
            if not (isfinite(scale) and scale > 0):
                raise NumericsError(f"{name} scale of {self.kind} must be positive and finite, not {scale}")
        if self.out_bits not in (8, 16):
            raise NumericsError(f"output of {self.kind} must have 8 or 16 bits, not {self.out_bits}")

    @cached_property
    def table(self) -> tuple[int, ...]:
        """Output codes of the inputs -128 to 127: ``floor(f(q * in_scale) / out_scale + 1/2)``, saturated."""
        out = Fixed(self.out_bits, 0)
        in_step, out_step = Fraction(self.in_scale), Fraction(self.out_scale)
        exact = (rounded_activation(self.kind, q * in_step, out_step) for q in range(INPUT.min, INPUT.max + 1))
        return tuple(min(max(value, out.min), out.max) for value in exact)

    def compute(self, q: Tensor) -> Tensor:
        """Return the table's entry of every code.

        Parameters
        ----------
        q
            Integers of any shape, -128 to 127.

        Returns
        -------
        Tensor
            int64 codes of *out_bits* bits, the shape of *q*.

        Raises
        ------
        IndexError
            If a code is no int8.
        """
        # index_select and not q[...]: a negative index must not count from the end.
        address = as_int64(q) - INPUT.min
        return torch.tensor(self.table).index_select(0, address.flatten()).reshape(q.shape)
