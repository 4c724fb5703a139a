"""M3ViT (Liang et al., arXiv 2210.14793) and V-MoE (Riquelme et al., arXiv 2106.05974)."""

from __future__ import annotations

from torch import Tensor, nn

from vitaccel.zoo.attention import SelfAttention
from vitaccel.zoo.block import Mlp, layer_norm
from vitaccel.zoo.catalog import Request
from vitaccel.zoo.decoder import UpHead
from vitaccel.zoo.embed import PatchEmbed, learned, with_prefix
from vitaccel.zoo.moe import Moe


class MoeBlock(nn.Module):
    """A pre-norm block whose MLP may be a mixture of experts."""

    def __init__(self, request: Request, *, moe: bool) -> None:
        super().__init__()
        shape = request.shape
        self.norm1 = layer_norm(shape.width)
        self.attn = SelfAttention(
            width=shape.width, heads=shape.heads, qkv=request.text("qkv"), attention=request.text("attention")
        )
        self.norm2 = layer_norm(shape.width)
        dense = Mlp(width=shape.width, hidden=shape.hidden, gelu=request.text("gelu"))
        self.mlp = Moe(request) if moe else dense

    def forward(self, x: Tensor, task: Tensor | None) -> Tensor:
        x = x + self.attn(self.norm1(x))
        normed = self.norm2(x)
        mixed: Tensor = self.mlp(normed, task) if isinstance(self.mlp, Moe) else self.mlp(normed)
        return x + mixed


class MoeVit(nn.Module):
    """Patch tokens behind a class token, blocks with and without experts, then a classifier or a decoder.

    The decoder has its own LayerNorm; the classifier reads the normalised class token.
    With the ``task_input`` option ``forward`` takes the task as a second input, a scalar int64 tensor.
    """

    def __init__(self, request: Request) -> None:
        super().__init__()
        shape, moe = request.shape, request.shape.moe
        assert moe is not None
        self.patch_embed = PatchEmbed(width=shape.width, patch=shape.patch, channels=shape.channels)
        self.cls_token = learned(1, 1, shape.width)
        self.pos_embed = learned(1, 1 + shape.patches, shape.width)
        self.blocks = nn.ModuleList(MoeBlock(request, moe=i in moe.layers) for i in range(shape.depth))
        self.has_decoder = bool(request.options.get("decoder"))
        if self.has_decoder:
            classes = moe.task_classes[request.integer("task")]
            self.decoder = UpHead(width=shape.width, classes=classes, patch_grid=shape.patch_grid)
        else:
            self.norm = layer_norm(shape.width)
            self.head = nn.Linear(shape.width, shape.classes)

    def forward(self, image: Tensor, task: Tensor | None = None) -> Tensor:
        x = with_prefix(self.patch_embed(image), self.cls_token) + self.pos_embed
        for block in self.blocks:
            x = block(x, task)
        out: Tensor = self.decoder(x) if self.has_decoder else self.head(self.norm(x)[:, 0])
        return out
