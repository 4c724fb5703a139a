"""Token resampling of LookupViT: the same map as a resize, a pooling or a constant matmul."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bilinear_matrix(source: tuple[int, int], target: tuple[int, int]) -> Tensor:
    """Return the ``(M, N)`` matrix of a bilinear resize between two token grids.

    Half-pixel centres, no antialiasing: row i of one axis has weights on ``(i + 1/2) n/m - 1/2``, clamped to the grid.
    """
    rows, columns = (_axis_matrix(n, m) for n, m in zip(source, target, strict=True))
    return torch.kron(rows, columns)


def _axis_matrix(source: int, target: int) -> Tensor:
    matrix = torch.zeros(target, source, device="cpu", dtype=torch.float64)
    for i in range(target):
        place = min(max((i + 0.5) * source / target - 0.5, 0.0), source - 1.0)
        low = min(int(place), source - 2) if source > 1 else 0
        matrix[i, low] += 1.0 - (place - low)
        if source > 1:
            matrix[i, low + 1] += place - low
    return matrix


class TokenResample(nn.Module):
    """``(B, h w, D)`` tokens on a grid to ``(B, M, D)`` tokens on a smaller or larger grid.

    Parameters
    ----------
    source, target
        Rows and columns of the two grids.
    form
        ``resize``: bilinear ``interpolate``; ``matmul``: the same map as a constant M x N matrix;
        ``pool``: adaptive average pooling, another map.
    antialias
        Antialiased resize, as ``jax.image.resize`` does by default.
    """

    def __init__(self, *, source: tuple[int, int], target: tuple[int, int], form: str, antialias: bool) -> None:
        super().__init__()
        self.source = source
        self.target = target
        self.form = form
        self.antialias = antialias
        if form == "matmul":
            self.register_buffer(
                "matrix", bilinear_matrix(source, target).to(torch.get_default_dtype()), persistent=False
            )

    def forward(self, tokens: Tensor) -> Tensor:
        if self.form == "matmul":
            return torch.matmul(self.get_buffer("matrix"), tokens)
        grid = tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *self.source)
        if self.form == "pool":
            grid = F.adaptive_avg_pool2d(grid, self.target)
        else:
            grid = F.interpolate(grid, size=self.target, mode="bilinear", align_corners=False, antialias=self.antialias)
        return grid.flatten(2).transpose(1, 2)
