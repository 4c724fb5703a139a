"""What the proofs take for granted: products fit, partial products add up, and a variance is not negative."""

from __future__ import annotations

import z3

from vitaccel_rtl.pe import PRODUCT_BITS


def holds(claim: z3.BoolRef, *given: z3.BoolRef) -> bool:
    solver = z3.Solver()
    solver.add(*given, z3.Not(claim))
    return bool(solver.check() == z3.unsat)


def test_a_product_of_the_array_has_16_bits() -> None:
    products = [a * b for a in range(-128, 256) for b in range(-128, 128)]
    assert (min(products), max(products)) == (-32640, 32385)
    assert -(1 << PRODUCT_BITS - 1) <= min(products) <= max(products) < 1 << PRODUCT_BITS - 1


def test_partial_products_17_places_apart_are_the_product() -> None:
    low, high, factor = z3.Ints("low high factor")
    assert holds((high * 2**17 + low) * factor == high * factor * 2**17 + low * factor)
    assert not holds((high * 2**17 + low) * factor == high * factor * 2**16 + low * factor)
    # 33 bits by 18 bits: the extremes of a product are those of its operands.
    ends = [a * b for a in (-(2**32), 2**32 - 1) for b in (-(2**17), 2**17 - 1)]
    assert -(2**50) <= min(ends) <= max(ends) < 2**50


def test_both_products_of_a_shared_multiplier_are_in_its_result() -> None:
    """The lower 16 bits are the lower product; the rest is the upper one, less what the lower one's sign borrowed."""
    low, high = z3.BitVecs("low high", PRODUCT_BITS)
    packed = z3.SignExt(PRODUCT_BITS, low) + z3.Concat(high, z3.BitVecVal(0, PRODUCT_BITS))
    upper, carry = z3.Extract(31, 16, packed), z3.Extract(15, 15, packed)
    assert holds(z3.Extract(15, 0, packed) == low)
    assert holds(upper + z3.ZeroExt(15, carry) == high)
    # So 32,767 and a carry would be an upper product of 32,768, and that is none of 16 bits.
    fits = z3.And(high >= -32640, high <= 32385)
    assert holds(z3.Not(z3.And(upper == 32767, carry == 1)), fits)
    assert not holds(z3.Not(z3.And(upper == 32767, carry == 1)))


def test_a_variance_is_not_negative() -> None:
    """C Q - S S, channel by channel, whatever the width: with one more channel x it stays so."""
    c, q, s, x = z3.Reals("c q s x")
    grown = (c + 1) * (q + x * x) - (s + x) * (s + x)
    assert holds(grown >= 0, c >= 1, c * q - s * s >= 0)
    assert not holds(grown >= 0, c >= 1)
