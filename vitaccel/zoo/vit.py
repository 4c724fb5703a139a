"""ViT (Dosovitskiy et al., arXiv 2010.11929) and DeiT (Touvron et al., arXiv 2012.12877)."""

from __future__ import annotations

from torch import Tensor, nn

from vitaccel.zoo.block import Block, layer_norm
from vitaccel.zoo.catalog import Request
from vitaccel.zoo.embed import PatchEmbed, learned, with_prefix


def encoder_blocks(request: Request) -> nn.ModuleList:
    """Return the plain blocks of a model."""
    shape = request.shape
    return nn.ModuleList(
        Block(
            width=shape.width,
            heads=shape.heads,
            hidden=shape.hidden,
            qkv=request.text("qkv"),
            attention=request.text("attention"),
            gelu=request.text("gelu"),
        )
        for _ in range(shape.depth)
    )


class Vit(nn.Module):
    """Patch tokens behind ``[class, registers]``, L blocks, LayerNorm, linear classifier.

    Without a class token the classifier reads the average of the normalised patch tokens.
    Parameter names follow timm.
    """

    def __init__(self, request: Request) -> None:
        super().__init__()
        shape = request.shape
        self.has_cls = request.flag("cls")
        self.registers = request.integer("registers")
        self.patch_embed = PatchEmbed(width=shape.width, patch=shape.patch, channels=shape.channels)
        if self.has_cls:
            self.cls_token = learned(1, 1, shape.width)
        if self.registers:
            self.reg_token = learned(1, self.registers, shape.width)
        self.pos_embed = learned(1, self.has_cls + self.registers + shape.patches, shape.width)
        self.blocks = encoder_blocks(request)
        self.norm = layer_norm(shape.width)
        self.head = nn.Linear(shape.width, shape.classes)

    def forward(self, image: Tensor) -> Tensor:
        prefix = [self.cls_token] if self.has_cls else []
        if self.registers:
            prefix.append(self.reg_token)
        x = self.patch_embed(image)
        if prefix:
            x = with_prefix(x, *prefix)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        pooled = x[:, 0] if self.has_cls else x[:, self.registers :].mean(dim=1)
        logits: Tensor = self.head(pooled)
        return logits


class Deit(nn.Module):
    """Patch tokens behind ``[class, distillation]``; the classifier reads the class token.

    With ``distilled_head`` the result is the mean of two classifiers, one on each of the two tokens
    (arXiv 2012.12877, section 4).
    """

    def __init__(self, request: Request) -> None:
        super().__init__()
        shape = request.shape
        self.distilled_head = request.flag("distilled_head")
        self.patch_embed = PatchEmbed(width=shape.width, patch=shape.patch, channels=shape.channels)
        self.cls_token = learned(1, 1, shape.width)
        self.dist_token = learned(1, 1, shape.width)
        self.pos_embed = learned(1, 2 + shape.patches, shape.width)
        self.blocks = encoder_blocks(request)
        self.norm = layer_norm(shape.width)
        self.head = nn.Linear(shape.width, shape.classes)
        if self.distilled_head:
            self.head_dist = nn.Linear(shape.width, shape.classes)

    def forward(self, image: Tensor) -> Tensor:
        x = with_prefix(self.patch_embed(image), self.cls_token, self.dist_token) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        logits: Tensor = self.head(x[:, 0])
        if self.distilled_head:
            logits = (logits + self.head_dist(x[:, 1])) / 2
        return logits
