"""A bit some cycles later."""

from amaranth.hdl import Signal


def later(m, bit, cycles, *, name):
    """Return a bit so many cycles later: 0 is the bit itself. The registers are reset to 0."""
    for cycle in range(cycles):
        register = Signal(name=f"{name}_{cycle + 1}")
        m.d.sync += register.eq(bit)
        bit = register
    return bit
