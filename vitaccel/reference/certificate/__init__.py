"""Measured errors of the integer operations against float64: the only part of the reference where floats exist."""
