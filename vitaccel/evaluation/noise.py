"""Signal and noise: how far an integer network's numbers are from the float network's, in decibels of their power."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitaccel.quantization.grid import decibel


@dataclass
class NoiseSums:
    """Powers of a value and of its error, summed over any number of images; no value is kept.

    Parameters
    ----------
    signal
        Sum of squares of the float value.
    noise
        Sum of squares of what the integer value differs by.
    """

    signal: float = 0.0
    noise: float = 0.0

    def add(self, truth: np.ndarray, found: np.ndarray) -> None:
        """Count the elements of two arrays of one shape, in float64.

        Raises
        ------
        ValueError
            If the shapes differ: broadcasting would count elements twice.
        """
        if truth.shape != found.shape:
            raise ValueError(f"a value must be compared with one of its shape {truth.shape}, not {found.shape}")
        wide = truth.astype(np.float64).reshape(-1)
        error = wide - found.astype(np.float64).reshape(-1)
        self.signal += float(wide @ wide)
        self.noise += float(error @ error)

    @property
    def sqnr_db(self) -> float:
        """``10 log10(signal / noise)``: infinite without noise, minus infinite where the float value is zero."""
        return decibel(self.signal, self.noise)
