"""Ground truth for operation counts: what PyTorch itself counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vitaccel.zoo.attention import SelfAttention


def count_parameters(model: nn.Module) -> int:
    """Return the number of learned scalars."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: nn.Module, *inputs: Tensor) -> int:
    """Return the multiply-accumulates of one forward pass, by ``FlopCounterMode``.

    Matrix products and convolutions count; biases, normalisation, softmax, GELU and resizing do not. Attention is
    counted in its explicit form, because the counter takes the fused call on a CPU as zero. A mixture of experts counts
    what its style computes: the routed rows for ``nonzero`` and ``gather_w``, every expert on every token for
    ``dense_list``. The ``microsoft`` node counts as ``nonzero``.

    Parameters
    ----------
    model
        A zoo model; parameters may live on the meta device unless its style is data-dependent.
    *inputs
        Its inputs, on the same device.
    """
    with _explicit_attention(model), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*inputs)
    return int(counter.get_total_flops()) // 2


@contextmanager
def _explicit_attention(model: nn.Module) -> Iterator[None]:
    modules = [module for module in model.modules() if isinstance(module, SelfAttention)]
    before = [module.attention for module in modules]
    for module in modules:
        module.attention = "eager"
    try:
        yield
    finally:
        for module, attention in zip(modules, before, strict=True):
            module.attention = attention
