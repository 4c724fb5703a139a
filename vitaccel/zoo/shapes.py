"""Dimensions of the zoo models, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.errors import VitaccelError


@dataclass(frozen=True)
class MoeShape:
    """The mixture-of-experts part of a model.

    Parameters
    ----------
    experts
        Experts per MoE layer (E).
    top_k
        Experts per token (k).
    hidden
        Hidden width of one expert.
    layers
        Indices of the blocks whose MLP is a MoE.
    task_classes
        Output channels of the decoder of each task; its length is the number of tasks (gates per layer).
    """

    experts: int
    top_k: int
    hidden: int
    layers: tuple[int, ...]
    task_classes: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        if not 1 <= self.top_k <= self.experts:
            raise VitaccelError(f"top_k must be from 1 to {self.experts} (the number of experts), not {self.top_k}")


@dataclass(frozen=True)
class ModelShape:
    """Dimensions that every zoo model has.

    Parameters
    ----------
    width, depth, heads, hidden
        Channels D, blocks L, attention heads H, and hidden width of the MLP.
    image
        Height and width of the input, pixels.
    patch
        Side of a patch, pixels.
    classes
        Outputs of the classifier.
    moe
        The mixture of experts, if there is one.
    channels
        Channels of the input: 3 for a colour image.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    image: tuple[int, int]
    patch: int
    classes: int = 1000
    moe: MoeShape | None = None
    channels: int = 3

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise VitaccelError(f"model width must be a multiple of its {self.heads} heads, not {self.width}")
        if any(side % self.patch for side in self.image):
            raise VitaccelError(f"image sides must be multiples of the patch size {self.patch}, not {self.image}")

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.image[0] // self.patch, self.image[1] // self.patch

    @property
    def patches(self) -> int:
        """Number of patch tokens N."""
        return self.patch_grid[0] * self.patch_grid[1]


def _plain(width: int, heads: int) -> ModelShape:
    return ModelShape(width=width, depth=12, heads=heads, hidden=4 * width, image=(224, 224), patch=16)


_ODD_OF_12 = (1, 3, 5, 7, 9, 11)
_MICRO_IMAGE = (20, 28)
"""5 x 7 = 35 patches of 4 x 4: no token count in a micro model is a multiple of 8."""

PLAIN = {"tiny": _plain(192, 3), "small": _plain(384, 6), "base": _plain(768, 12)}
"""The three ViT sizes, shared by ViT, DeiT and LookupViT."""

PLAIN_MICRO = ModelShape(width=18, depth=2, heads=3, hidden=70, image=_MICRO_IMAGE, patch=4, classes=10)
LOOKUP_MICRO = ModelShape(width=18, depth=2, heads=3, hidden=72, image=_MICRO_IMAGE, patch=4, classes=10)
HYBRID_MICRO = ModelShape(width=18, depth=1, heads=3, hidden=70, image=(40, 56), patch=8, classes=10)

M3VIT = {
    # Edge-MoE include/model.hpp; Cityscapes has 19 classes for segmentation and one depth channel.
    "tiny": ModelShape(
        width=192, depth=12, heads=3, hidden=768, image=(128, 256), patch=16,
        moe=MoeShape(experts=16, top_k=2, hidden=384, layers=_ODD_OF_12, task_classes=(19, 1)),
    ),
    # M3ViT README recipe for NYUD: --moe_mlp_ratio 1, top 4, 12 heads of 32 channels, 40 classes and depth.
    "small": ModelShape(
        width=384, depth=12, heads=12, hidden=1536, image=(480, 640), patch=16,
        moe=MoeShape(experts=16, top_k=4, hidden=384, layers=_ODD_OF_12, task_classes=(40, 1)),
    ),
    # The last block is dense, so that what every token gets from its experts reaches the class token.
    "micro": ModelShape(
        width=18, depth=5, heads=3, hidden=70, image=(12, 28), patch=4, classes=10,
        moe=MoeShape(experts=7, top_k=2, hidden=13, layers=(1, 3), task_classes=(3, 1)),
    ),
}  # fmt: skip

VMOE = {
    "small": ModelShape(
        width=512, depth=8, heads=8, hidden=2048, image=(224, 224), patch=32,
        moe=MoeShape(experts=8, top_k=2, hidden=2048, layers=(5, 7)),
    ),
    "base": ModelShape(
        width=768, depth=12, heads=12, hidden=3072, image=(224, 224), patch=16,
        moe=MoeShape(experts=8, top_k=2, hidden=3072, layers=_ODD_OF_12),
    ),
    "micro": ModelShape(
        width=18, depth=3, heads=3, hidden=22, image=(12, 28), patch=4, classes=10,
        moe=MoeShape(experts=6, top_k=2, hidden=22, layers=(1, 2)),
    ),
}  # fmt: skip

_DIGITS_IMAGE = (16, 16)

DIGITS = {
    "vit": ModelShape(
        width=48, depth=3, heads=4, hidden=96, image=_DIGITS_IMAGE, patch=4, classes=10, channels=1
    ),
    # 8 x 8 lookup tokens, so that 3 x 3 compressed ones are a compression.
    "lookupvit": ModelShape(
        width=40, depth=2, heads=4, hidden=160, image=_DIGITS_IMAGE, patch=2, classes=10, channels=1
    ),
    # As in the published recipes, the k experts of a token cost what a dense MLP does.
    "m3vit": ModelShape(
        width=40, depth=5, heads=4, hidden=80, image=_DIGITS_IMAGE, patch=4, classes=10, channels=1,
        moe=MoeShape(experts=6, top_k=2, hidden=40, layers=(1, 3)),
    ),
}  # fmt: skip
"""Models small enough to be trained in minutes on a handwritten digit of 16 x 16 pixels, by family."""
