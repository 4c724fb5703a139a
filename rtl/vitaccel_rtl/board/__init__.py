"""A whole system for a board: the accelerator, a memory of block RAM, and a serial line to a host."""
