"""Build a zoo model and its example inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vitaccel.zoo.catalog import Request, resolve
from vitaccel.zoo.hybrid import Hybrid
from vitaccel.zoo.lookupvit import LookupVit
from vitaccel.zoo.moe_vit import MoeVit
from vitaccel.zoo.trained import set_weights
from vitaccel.zoo.vit import Deit, Vit

_FAMILIES: dict[str, type[nn.Module]] = {
    "vit": Vit,
    "deit": Deit,
    "lookupvit": LookupVit,
    "m3vit": MoeVit,
    "vmoe": MoeVit,
    "hybrid": Hybrid,
}


def construct(request: Request) -> nn.Module:
    """Return the model in eval mode with weights not yet set; works under ``torch.device("meta")``."""
    with torch.random.fork_rng(devices=[]):
        return _FAMILIES[request.info.family](request).eval().requires_grad_(False)


def build(name: str, *, seed: int | None = None, **options: Any) -> nn.Module:
    """Return a zoo model in eval mode, trained if it is one of the ``-digits``, else with reproducible random weights.

    Parameters
    ----------
    name
        A name of :func:`vitaccel.zoo.models`.
    seed
        Chooses random weights. The same seed gives the same weights to every export style of a model. Left out, it is
        0, or the weights are trained.
    **options
        Options of that model.

    Raises
    ------
    VitaccelError
        The name, an option or a value is unknown, or the trained weights are for another value.
    """
    request = resolve(name, options)
    model = construct(request)
    set_weights(model, request, seed=seed)
    return model


def example_input(name: str, *, seed: int = 0, batch: int = 1, **options: Any) -> Tensor:
    """Return a reproducible normal random image batch ``(batch, channels, height, width)`` for a zoo model."""
    shape = resolve(name, options).shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, shape.channels, *shape.image, generator=generator)


def example_inputs(name: str, *, seed: int = 0, batch: int = 1, **options: Any) -> dict[str, Tensor]:
    """Return every input by its ONNX name: ``image``, and with ``task_input`` also ``task``, a scalar int64."""
    inputs = {"image": example_input(name, seed=seed, batch=batch, **options)}
    if resolve(name, options).options.get("task_input"):
        inputs["task"] = torch.tensor(0)
    return inputs
