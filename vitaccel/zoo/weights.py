"""Seeded weights that do not depend on a model's export style."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

RESIDUAL_GAIN = 0.5
"""Scale of the weights that end a residual branch: at 1, the tokens of a deep model all become alike."""

_RESIDUAL = ("attn.proj.weight", "gather.proj.weight", "infuse.proj.weight", "fc2.weight")


def canonical_tensors(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield every learned tensor of ``module`` as ``(name, view)``.

    Names are the same for all layouts of one model: fused projections and stacked experts come apart.
    Writing into a view writes into the model.
    """
    split = getattr(module, "canonical", None)
    if split is not None:
        yield from ((prefix + name, tensor) for name, tensor in split())
        return
    for name, parameter in module.named_parameters(recurse=False):
        yield prefix + name, parameter
    for name, buffer in module.named_buffers(recurse=False):
        if name in {"running_mean", "running_var"}:
            yield prefix + name, buffer
    for name, child in module.named_children():
        yield from canonical_tensors(child, f"{prefix}{name}.")


def seed_weights(model: nn.Module, *, seed: int) -> None:
    """Fill ``model`` with reproducible random weights; no parameter keeps a trivial value.

    Normal numbers, wrapped at two standard deviations so that no two are equal. A weight has deviation
    ``1/sqrt(fan_in)``, so that every projection of a normalised token, and every attention logit, has a deviation near
    one; half of that at the end of a residual branch. Each tensor has a generator of its own, seeded with its
    canonical name.
    """
    with torch.no_grad():
        for name, tensor in canonical_tensors(model):
            digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
            mean, deviation = _moments(name, tensor)
            tensor.normal_(generator=generator).fmod_(2.0).mul_(deviation).add_(mean)


def _moments(name: str, tensor: Tensor) -> tuple[float, float]:
    """Return mean and standard deviation for a parameter."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_var":
        return 1.0, 0.2
    if leaf.endswith("_token") or leaf == "pos_embed":
        return 0.0, 0.5
    if tensor.dim() >= 2:
        fan_in = tensor.shape[0] if ".router." in name else tensor[0].numel()
        return 0.0, float(fan_in) ** -0.5 * (RESIDUAL_GAIN if name.endswith(_RESIDUAL) else 1.0)
    if leaf == "weight":
        return 1.0, 0.1
    # The offsets of a LayerNorm favour some experts over others, as in a trained router: some get no token at all.
    after_norm = name.split(".")[-2].startswith("norm")
    return 0.0, 0.3 if after_norm else 0.1
