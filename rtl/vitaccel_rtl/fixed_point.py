"""The operations of the integer contract as logic: rounding half up, saturation, and products of wide operands.

Rounding half up by a right shift of s bits is ``floor(x / 2**s + 1/2)``. Here it is a shift of ``2 x`` by s, whose
lowest bit, the first one behind the point, is then added to the rest: no constant ``2**(s-1)``, and nothing special
at s = 0.
"""

from amaranth.hdl import Cat, Const, Mux, Shape, Value, signed, unsigned

from vitaccel_rtl import latency

CHUNK_BITS = 17
"""Bits of the lower part of a wide operand: with a zero as its sign it is one input of an 18 x 18 multiplier."""

FACTOR_BITS = 18
"""Width of an input of a multiplier, with its sign."""


def saturate(value, bits, *, is_signed=True):
    """Clamp a signed *value* to *bits* bits, signed or unsigned, without a comparison against a constant.

    Returns
    -------
    Value
        Of *bits* bits: the value, or the end of the range that it lies beyond.
    """
    value = Value.cast(value)
    sign = value[-1]
    if not is_signed:
        below = value[:bits] if len(value) > bits else Cat(value, Const(0, bits - len(value)))
        return Mux(sign, 0, Mux(value[bits:].any(), Const((1 << bits) - 1, bits), below))[:bits]
    if len(value) <= bits:
        return value.as_signed()
    upper = value[bits - 1 :]
    end = Cat((~sign).replicate(bits - 1), sign)
    return Mux(upper.any() & ~upper.all(), end, value[:bits]).as_signed()


def round_off(value):
    """Drop the lowest bit of *value*, the first behind the point, and round half up: one bit narrower, one wider."""
    value = Value.cast(value)
    whole = value[1:].as_signed() if value.shape().signed else value[1:]
    return whole + value[0]


def shift_in_two(stages, value, shift, *, name, bits=None):
    """Return ``(2 value) >> shift`` after two stages: by multiples of 16, then by 0 to 15.

    Parameters
    ----------
    stages
        The registers' :class:`vitaccel_rtl.stream.Stages`.
    value
        Signed.
    shift
        Up to 6 bits, unsigned, with *value*; not needed later.
    name
        Of the registers.
    bits
        Lower bits of the result that are wanted, if not all: where it is known to fit them.

    Returns
    -------
    Signal
        Signed, one bit wider than *value* or of *bits* bits; :func:`round_off` makes the rounded result of it.
    """
    doubled = Cat(Const(0, 1), value).as_signed()
    if bits is not None:
        coarse = stages.register(_shift_right(doubled, shift[4:], 16, bits + 15), name=f"{name}_coarse")
        fine = stages.register(shift[:4], name=f"{name}_fine_shift")
        return stages.register(_shift_right(coarse, fine, 1, bits), name=f"{name}_shifted")
    if len(shift) <= 4:
        coarse = stages.register(doubled, name=f"{name}_coarse")
        fine = stages.register(shift, name=f"{name}_fine_shift")
    else:
        coarse = stages.register(doubled >> Cat(Const(0, 4), shift[4:]), name=f"{name}_coarse")
        fine = stages.register(shift[:4], name=f"{name}_fine_shift")
    return stages.register(coarse >> fine, name=f"{name}_shifted")


def _shift_right(value, places, unit, bits):
    """Return the lower *bits* of ``value >> places * unit``; nothing wider than what is still needed on the way."""
    for n in reversed(range(len(places))):
        step = unit << n
        value = Mux(places[n], value >> step, value)[: bits + step - unit].as_signed()
    return value


def multiply_wide(stages, wide, factor, *, name):
    """Return the product of a wide signed operand and one of at most 18 bits after two stages, from two multipliers.

    The operands are to be registers: a multiplier of an FPGA has registers at its inputs and at its output. The wide
    operand has at most 35 bits, ``high * 2**17 + low``.
    """
    if Shape.cast(wide.shape()).width > CHUNK_BITS + FACTOR_BITS or len(factor) > FACTOR_BITS:
        raise ValueError(f"operands of a wide product must have at most 35 and 18 bits, not {len(wide)}, {len(factor)}")
    width = len(wide) + len(factor)
    if len(wide) <= FACTOR_BITS:
        product = stages.register(wide * factor, name=f"{name}_product")
        return stages.delay(product, 1, name=f"{name}_late")
    low = Cat(wide[:CHUNK_BITS], Const(0, 1)).as_signed()
    low_product = stages.register(low * factor, name=f"{name}_low")
    high_product = stages.register(wide[CHUNK_BITS:].as_signed() * factor, name=f"{name}_high")
    total = (high_product << CHUNK_BITS) + low_product
    return stages.register(total, name=f"{name}_sum", shape=signed(width))


def multiply_unsigned(stages, wide, factor, *, name):
    """Return the product of unsigned operands of at most 36 and 18 bits after two stages, from two multipliers."""
    if len(wide) > 2 * FACTOR_BITS or len(factor) > FACTOR_BITS:
        raise ValueError(f"operands of a wide product must have at most 36 and 18 bits, not {len(wide)}, {len(factor)}")
    low_product = stages.register(wide[:FACTOR_BITS] * factor, name=f"{name}_low")
    high_product = stages.register(wide[FACTOR_BITS:] * factor, name=f"{name}_high")
    total = (high_product << FACTOR_BITS) + low_product
    return stages.register(total, name=f"{name}_sum", shape=unsigned(len(wide) + len(factor)))


def normalize(stages, value, *, name):
    """Shift an unsigned value left until its highest bit is at the top, in four stages.

    A stage shifts by what the stage before found to be empty at the top, and finds the next two steps.

    Parameters
    ----------
    value
        32 or 64 bits, not 0.

    Returns
    -------
    tuple of Signal
        The shifted value, and the place of its highest bit before the shift.
    """
    count_bits = {32: 5, 64: 6}[len(value)]
    steps = [1 << n for n in reversed(range(count_bits))]
    pairs = [steps[n : n + 2] for n in range(0, count_bits, 2)]
    zeros = Const(0, 0)
    empty = []
    for stage in range(latency.NORMALIZE):
        if stage:
            for step, is_empty in zip(pairs[stage - 1], empty, strict=True):
                value = Mux(is_empty, Cat(Const(0, step), value[:-step]), value)
            zeros = stages.register(Cat(zeros, *empty), name=f"{name}_zeros_{stage}")
        found = _empty_steps(value, pairs[stage]) if stage < len(pairs) else []
        value = stages.register(value, name=f"{name}_normal_{stage}")
        empty = [stages.register(bit, name=f"{name}_empty_{stage}_{n}") for n, bit in enumerate(found)]
    # The first step found is the highest bit of the count; the place is the count's complement.
    return value, Cat(reversed(~zeros))


def _empty_steps(value, steps):
    """Return for a step, or two, whether so many bits at the top are empty; for the second, after the first's shift."""
    first, *rest = steps
    empty = ~value[-first:].any()
    return [empty, *(~Mux(empty, value[-first - second : -first].any(), value[-second:].any()) for second in rest)]
