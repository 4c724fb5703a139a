"""Rounding that compensates: each row of a weight takes up the errors of the rows rounded before it.

The method of GPTQ (Frantar et al., 2023): with the second moments H of the inputs, rounding row k leaves an error that
the rows still free can cancel, in the least-squares sense, by ``-err * U[k, later] / U[k, k]`` where U is the upper
Cholesky factor of the inverse of H. Rows go in the order of falling input power.
"""

from __future__ import annotations

import numpy as np
import torch

from vitaccel.quantization.grid import largest

BLOCK = 128
"""Rows whose errors are kept back and spread to the rest in one product."""


class Compensation:
    """Order of the rows and factor U for one input, shared by all weights that read it.

    Parameters
    ----------
    moments
        Sum of ``x^T x`` over the input's rows, [K, K].
    damping
        Share of the mean diagonal added to the diagonal.
    """

    def __init__(self, moments: torch.Tensor, damping: float) -> None:
        power = moments.diagonal().double()
        self.order = torch.argsort(power, descending=True, stable=True)
        ordered = moments.double()[self.order][:, self.order]
        # A channel that is always silent has no say in the error, and must not make H singular.
        load = damping * float(power.mean()) or 1.0
        ordered.diagonal().add_(load)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(ordered))
        self.factor = torch.linalg.cholesky(inverse, upper=True).float()

    def round(self, matrix: np.ndarray, scales: np.ndarray, bits: int) -> np.ndarray:
        """Integers of the weights [K, N] on the grids of their columns, float64."""
        top = largest(bits)
        step = torch.from_numpy(np.asarray(scales, np.float32))
        rows = torch.from_numpy(np.array(matrix, np.float32))[self.order]
        integers = torch.empty_like(rows)
        for first in range(0, len(rows), BLOCK):
            last = min(first + BLOCK, len(rows))
            errors = torch.empty(last - first, rows.shape[1])
            for at in range(first, last):
                integers[at] = torch.floor(rows[at] / step + 0.5).clamp(-top, top)
                errors[at - first] = (rows[at] - integers[at] * step) / self.factor[at, at]
                rows[at + 1 : last] -= self.factor[at, at + 1 : last, None] * errors[at - first]
            rows[last:] -= self.factor[first:last, last:].T @ errors
        result = torch.empty_like(integers)
        result[self.order] = integers
        found: np.ndarray = result.double().numpy()
        return found
