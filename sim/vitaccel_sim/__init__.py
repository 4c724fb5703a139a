"""Benches, stream drivers and monitors, scoreboards and runners for the hardware blocks."""
