"""Exact integer products, and the proof that an accumulator cannot overflow."""

from __future__ import annotations

import torch
from torch import Tensor

from vitaccel.errors import NumericsError, UnsupportedError
from vitaccel.reference.fixed_point import INTEGER_DTYPES, Fixed, as_int64

ACCUMULATOR = Fixed(32, 0)
"""What a processing element sums in."""

DIGIT_BITS = 8
"""Width of the unsigned operand of the array; wider numerators pass it digit by digit."""


def accumulate(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a @ b`` of 8-bit codes, exactly, provided that no accumulator overflows.

    PyTorch's product of int32 matrices is exact modulo 2**32 in any order. ``torch._int_mm`` is not used: on a
    processor without a dot product of bytes it may saturate 16-bit partial sums.

    Parameters
    ----------
    a
        ``[..., M, K]``, -128 to 127, or 0 to 255.
    b
        ``[..., K, N]``, -128 to 127; leading dimensions broadcast.

    Returns
    -------
    Tensor
        int32 ``[..., M, N]``. :func:`check_accumulator` or :func:`check_depth` is what proves that it does not wrap.

    Raises
    ------
    NumericsError
        If an operand does not hold integers, or the shapes do not fit.
    """
    for operand in (a, b):
        if operand.dtype not in INTEGER_DTYPES:
            raise NumericsError(f"a matmul must multiply integers, not {operand.dtype}")
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise NumericsError(f"a matmul must be of [M, K] and [K, N], not {list(a.shape)} and {list(b.shape)}")
    return a.to(torch.int32) @ b.to(torch.int32)


def accumulate_unsigned(u: Tensor, b: Tensor, bits: int) -> Tensor:
    """Return ``u @ b`` of unsigned numerators, whose products are made one 8-bit digit after the other.

    The machine adds the products of the upper digits, lets their sum count 256 times and adds those of the lower ones:
    the exact product, which is what is computed here from a sum for each digit. With u of 16 bits the result has 40
    bits for up to 65,793 keys.

    Parameters
    ----------
    u
        ``[..., M, K]``, 0 to ``2**bits - 1``.
    b
        ``[..., K, N]``, -128 to 127.
    bits
        Width of the numerators, 1 to 16.

    Returns
    -------
    Tensor
        int64 ``[..., M, N]``.

    Raises
    ------
    NumericsError
        If *bits* is out of range, or the operands are none of :func:`accumulate`.
    """
    if not 1 <= bits <= 2 * DIGIT_BITS:
        raise NumericsError(f"numerators must have 1 to {2 * DIGIT_BITS} bits, not {bits}")
    u = as_int64(u)
    total = as_int64(accumulate(u & (1 << DIGIT_BITS) - 1, b))
    if bits <= DIGIT_BITS:
        return total
    return total + (as_int64(accumulate(u >> DIGIT_BITS, b)) << DIGIT_BITS)


def accumulator_bound(weights: Tensor, bias: Tensor | None = None, activation_bits: int = 8) -> Tensor:
    """Return the largest absolute value that a sum of each column can have, for any activations.

    It covers every partial sum in every order, and the sum with the bias and without: each product is between its
    extremes, which lie on both sides of 0.

    Parameters
    ----------
    weights
        Integers ``[K, N]``.
    bias
        Integers ``[N]``, added to the sum.
    activation_bits
        Width of the signed activations.

    Returns
    -------
    Tensor
        int64 ``[N]``; reached by some activations.
    """
    w = as_int64(weights)
    codes = Fixed(activation_bits, 0)
    positive, negative = w.clamp(min=0).sum(0), w.clamp(max=0).sum(0)
    highest = codes.max * positive + codes.min * negative
    lowest = codes.min * positive + codes.max * negative
    b = torch.zeros_like(highest) if bias is None else as_int64(bias)
    return torch.stack([-lowest, highest, -(lowest + b), highest + b]).amax(0)


def check_accumulator(name: str, weights: Tensor, bias: Tensor | None = None, activation_bits: int = 8) -> None:
    """Refuse a layer with a column whose sum could pass an int32 accumulator.

    Raises
    ------
    UnsupportedError
        Naming the layer *name* and its worst column.
    """
    bound = accumulator_bound(weights, bias, activation_bits)
    if not bound.numel() or int(bound.max()) <= ACCUMULATOR.max:
        return
    column = int(bound.argmax())
    raise UnsupportedError(_overflow(name, f"output channel {column}", int(bound[column])))


def check_depth(name: str, depth: int, largest_product: int) -> None:
    """Refuse a product of two activations so deep that a sum could pass an int32 accumulator.

    Parameters
    ----------
    name
        Of the layer.
    depth
        Products in a sum.
    largest_product
        The largest absolute value of one: 2**14 for two int8, ``255 * 128`` for a digit of a numerator and an int8.

    Raises
    ------
    UnsupportedError
        Naming the layer.
    """
    if depth * largest_product > ACCUMULATOR.max:
        raise UnsupportedError(_overflow(name, f"a sum of {depth} products", depth * largest_product))


def _overflow(name: str, what: str, worst: int) -> str:
    return (
        f"accumulator of {name!r} must fit {ACCUMULATOR.bits} bits, not {worst.bit_length() + 1}: "
        f"{what} can reach {worst}, supported is {ACCUMULATOR.max}"
    )
