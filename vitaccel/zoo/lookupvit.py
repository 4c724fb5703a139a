"""LookupViT (Koner et al., ECCV 2024, arXiv 2407.12753) and two published readings of it."""

from __future__ import annotations

from torch import Tensor, nn

from vitaccel.zoo.attention import SelfAttention, merge_heads, split_heads
from vitaccel.zoo.block import Mlp, layer_norm
from vitaccel.zoo.catalog import Request
from vitaccel.zoo.embed import PatchEmbed, learned
from vitaccel.zoo.resample import TokenResample

LOOKUP_RATIO = 2
"""The lookup stream's MLP is q = 2 times narrower than the model."""


class Gather(nn.Module):
    """Cross-attention of compressed queries on lookup keys.

    Also returns its logits and its probabilities, both ``(B, H, M, N)``.
    """

    def __init__(self, *, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_q = layer_norm(width)
        self.norm_kv = layer_norm(width)
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, compressed: Tensor, lookup: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        context = self.norm_kv(lookup)
        q = split_heads(self.q(self.norm_q(compressed)), self.heads)
        k = split_heads(self.k(context), self.heads)
        v = split_heads(self.v(context), self.heads)
        logits = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
        probabilities = logits.softmax(dim=-1)
        return self.proj(merge_heads(probabilities @ v)), logits, probabilities


class Infuse(nn.Module):
    """Cross-attention of the lookup tokens on the compressed ones, with the scores of :class:`Gather` transposed.

    Parameters
    ----------
    reuse
        ``post_softmax_T``: the probabilities, not normalised again (the paper);
        ``pre_softmax_T``: the logits, with a second softmax over the compressed tokens;
        ``head_mean_T``: the probabilities averaged over the heads, with no projections.
    """

    def __init__(self, *, width: int, heads: int, reuse: str) -> None:
        super().__init__()
        self.heads = heads
        self.reuse = reuse
        self.norm = layer_norm(width)
        if reuse != "head_mean_T":
            self.v = nn.Linear(width, width)
            self.proj = nn.Linear(width, width)

    def forward(self, compressed: Tensor, logits: Tensor, probabilities: Tensor) -> Tensor:
        values: Tensor = self.norm(compressed)
        if self.reuse == "head_mean_T":
            return probabilities.mean(dim=1).transpose(-2, -1) @ values
        if self.reuse == "pre_softmax_T":
            weights = logits.transpose(-2, -1).softmax(dim=-1)
        else:
            weights = probabilities.transpose(-2, -1)
        out: Tensor = self.proj(merge_heads(weights @ split_heads(self.v(values), self.heads)))
        return out


class LookupBlock(nn.Module):
    """Gather, refine (a ViT block on the compressed tokens), infuse, cheap lookup MLP; a residual around each."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        width, heads, gelu = request.shape.width, request.shape.heads, request.text("gelu")
        self.gather = Gather(width=width, heads=heads)
        self.norm1 = layer_norm(width)
        self.attn = SelfAttention(
            width=width, heads=heads, qkv=request.text("qkv"), attention=request.text("attention")
        )
        self.norm2 = layer_norm(width)
        self.mlp = Mlp(width=width, hidden=request.shape.hidden, gelu=gelu)
        self.infuse = Infuse(width=width, heads=heads, reuse=request.text("reuse"))
        self.norm_lookup = layer_norm(width)
        self.mlp_lookup = Mlp(width=width, hidden=width // LOOKUP_RATIO, gelu=gelu)

    def forward(self, compressed: Tensor, lookup: Tensor) -> tuple[Tensor, Tensor]:
        gathered, logits, probabilities = self.gather(compressed, lookup)
        compressed = compressed + gathered
        compressed = compressed + self.attn(self.norm1(compressed))
        compressed = compressed + self.mlp(self.norm2(compressed))
        lookup = lookup + self.infuse(compressed, logits, probabilities)
        return compressed, lookup + self.mlp_lookup(self.norm_lookup(lookup))


class LookupVit(nn.Module):
    """N lookup tokens, M = grid^2 compressed tokens, L blocks; the mean of two classifiers, one per set."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        shape = request.shape
        grid = request.integer("grid")
        self.patch_embed = PatchEmbed(width=shape.width, patch=shape.patch, channels=shape.channels)
        self.pos_embed = learned(1, shape.patches, shape.width)
        self.resample = TokenResample(
            source=shape.patch_grid,
            target=(grid, grid),
            form=request.text("resample"),
            antialias=request.flag("antialias"),
        )
        self.blocks = nn.ModuleList(LookupBlock(request) for _ in range(shape.depth))
        self.norm = layer_norm(shape.width)
        self.norm_lookup = layer_norm(shape.width)
        self.head = nn.Linear(shape.width, shape.classes)
        self.head_lookup = nn.Linear(shape.width, shape.classes)

    def forward(self, image: Tensor) -> Tensor:
        features = self.patch_embed(image)
        # The two terms are resampled apart, as the paper writes them: exporters fold the constant one or leave it.
        compressed = self.resample(features) + self.resample(self.pos_embed)
        lookup = features + self.pos_embed
        for block in self.blocks:
            compressed, lookup = block(compressed, lookup)
        narrow: Tensor = self.head(self.norm(compressed).mean(dim=1))
        wide: Tensor = self.head_lookup(self.norm_lookup(lookup).mean(dim=1))
        return (narrow + wide) / 2
