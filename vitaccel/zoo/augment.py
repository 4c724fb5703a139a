"""Random shifts, turns, stretches and noise for the training images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """How far a training image may be moved from its scan; each is drawn uniformly up to this, in both directions.

    Parameters
    ----------
    shift
        Of the image's side.
    turn
        Radians.
    stretch
        Natural logarithm of the scale, of each axis apart.
    shear
        Columns per row.
    noise
        Standard deviation of the normal noise on grey levels from 0 to 1, drawn from 0 to this for each image.
    """

    shift: float = 0.1
    turn: float = 0.2
    stretch: float = 0.12
    shear: float = 0.15
    noise: float = 0.08

    def __call__(self, scans: Tensor, side: int, generator: torch.Generator) -> Tensor:
        """Return images ``(n, 1, side, side)`` from -1 to 1 of scans ``(n, h, w)`` with grey levels from 0 to 1.

        With every range zero that is a bilinear resize with paper around the scan.
        """
        count = len(scans)
        grid = F.affine_grid(self._maps(count, generator), [count, 1, side, side], align_corners=False)
        images = F.grid_sample(scans.unsqueeze(1), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        deviation = self.noise * torch.rand(count, 1, 1, 1, generator=generator)
        images = images + deviation * torch.randn(images.shape, generator=generator)
        return 2 * images.clamp(0.0, 1.0) - 1

    def _maps(self, count: int, generator: torch.Generator) -> Tensor:
        """Return ``(n, 2, 3)`` maps from places in the image to places in the scan, both from -1 to 1."""

        def draw(reach: float, *shape: int) -> Tensor:
            return reach * (2 * torch.rand(count, *shape, generator=generator) - 1)

        angle, shear, scale = draw(self.turn), draw(self.shear), draw(self.stretch, 2).exp()
        cosine, sine = angle.cos(), angle.sin()
        rows = [
            torch.stack([cosine * scale[:, 0], -sine * scale[:, 1] + shear], dim=1),
            torch.stack([sine * scale[:, 0], cosine * scale[:, 1]], dim=1),
        ]
        return torch.cat([torch.stack(rows, dim=1), draw(2 * self.shift, 2, 1)], dim=2)
