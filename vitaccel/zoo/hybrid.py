"""A small convolution-transformer hybrid: the convolution operators of mobile ViTs in one model."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vitaccel.zoo.block import layer_norm
from vitaccel.zoo.catalog import Request
from vitaccel.zoo.embed import IMAGE_CHANNELS, learned
from vitaccel.zoo.vit import encoder_blocks

STEM_CHANNELS = 10


class ConvUnit(nn.Module):
    """Convolution without bias, batch norm, activation."""

    def __init__(self, inputs: int, outputs: int, side: int, *, stride: int, groups: int, act: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.bn(self.conv(x)))
        return out


class Hybrid(nn.Module):
    """Stem, max pool, depthwise and pointwise convolution, average pool; tokens of 8 x 8 pixels; blocks; average."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        shape, stem = request.shape, STEM_CHANNELS
        self.stem = ConvUnit(IMAGE_CHANNELS, stem, 3, stride=2, groups=1, act=nn.ReLU())
        self.depthwise = ConvUnit(stem, stem, 3, stride=1, groups=stem, act=nn.SiLU())
        self.pointwise = ConvUnit(stem, shape.width, 1, stride=1, groups=1, act=nn.Hardswish())
        self.pos_embed = learned(1, shape.patches, shape.width)
        self.blocks = encoder_blocks(request)
        self.norm = layer_norm(shape.width)
        self.head = nn.Linear(shape.width, shape.classes)

    def forward(self, image: Tensor) -> Tensor:
        x = F.max_pool2d(self.stem(image), 3, stride=2, padding=1)
        x = F.avg_pool2d(self.pointwise(self.depthwise(x)), 2)
        x = x.flatten(2).transpose(1, 2) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x).mean(dim=1))
        return logits
