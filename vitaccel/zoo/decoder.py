"""The dense-prediction decoder of M3ViT."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vitaccel.zoo.block import layer_norm

DECODER_CHANNELS = 256
STAGES = 4


class UpHead(nn.Module):
    """Four stages of convolution, batch norm, ReLU and bilinear x2 on the normalised patch tokens.

    A 1x1 convolution to the classes stands before the last resize. Returns ``(B, classes, 16 h, 16 w)``
    for a ``h x w`` patch grid (M3ViT ``models/vit_up_head.py``, ``num_conv`` 4).
    """

    def __init__(self, *, width: int, classes: int, patch_grid: tuple[int, int]) -> None:
        super().__init__()
        self.patch_grid = patch_grid
        self.norm = layer_norm(width)
        inputs = (width, *[DECODER_CHANNELS] * (STAGES - 1))
        self.convs = nn.ModuleList(nn.Conv2d(channels, DECODER_CHANNELS, 3, padding=1) for channels in inputs)
        self.bns = nn.ModuleList(nn.BatchNorm2d(DECODER_CHANNELS) for _ in inputs)
        self.classify = nn.Conv2d(DECODER_CHANNELS, classes, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        patches: Tensor = self.norm(tokens[:, 1:])
        x = patches.transpose(1, 2).reshape(tokens.shape[0], -1, *self.patch_grid)
        for stage, (conv, bn) in enumerate(zip(self.convs, self.bns, strict=True), start=1):
            x = F.relu(bn(conv(x)))
            if stage == STAGES:
                x = self.classify(x)
            side = (self.patch_grid[0] * 2**stage, self.patch_grid[1] * 2**stage)
            x = F.interpolate(x, size=side, mode="bilinear", align_corners=False)
        return x
