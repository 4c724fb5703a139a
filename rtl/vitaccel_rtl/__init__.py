"""Hardware blocks in Amaranth, usable without the compiler: they take plain values."""
