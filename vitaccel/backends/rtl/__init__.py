"""Gateware from the compiler's specs: the blocks of `vitaccel_rtl`, with tables and widths filled in."""
