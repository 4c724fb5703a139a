"""The three forms of GELU that exports contain."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Gelu(nn.Module):
    """GELU in one form.

    Parameters
    ----------
    form
        ``erf``: ``x/2 (1 + erf(x/sqrt 2))``; ``tanh``: ``x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))``;
        ``sigmoid``: ``x sigmoid(1.702 x)`` (all three: Hendrycks and Gimpel, arXiv 1606.08415).
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def forward(self, x: Tensor) -> Tensor:
        if self.form == "sigmoid":
            return x * torch.sigmoid(1.702 * x)
        return F.gelu(x, approximate="tanh" if self.form == "tanh" else "none")
