"""The layout of a parameter set: what a column, a channel or a head is requantized with."""

from amaranth.hdl import signed
from amaranth.lib import data

from vitaccel_rtl.accelerator.buffer_formats import STORED_BITS
from vitaccel_rtl.fixed_point import FACTOR_BITS
from vitaccel_rtl.requantize import OFFSET_BITS, SHIFT_BITS

PARAMETER_SET = data.StructLayout(
    {
        "offset": signed(OFFSET_BITS),
        "multiplier": signed(FACTOR_BITS),
        "shift": SHIFT_BITS,
        "free": STORED_BITS - OFFSET_BITS - FACTOR_BITS - SHIFT_BITS,
    }
)
"""int32 ``offset``, 18 bits of a signed ``multiplier``, 6 bits of a ``shift``; `vitaccel.ir.parameters` encodes it.
The last two bits of the 64 that a set has in memory are not kept."""
