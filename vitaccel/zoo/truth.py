"""Ground truth for operation counts: what PyTorch itself counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vitaccel.zoo import microsoft_moe  # noqa: F401 (registers the operator)
from vitaccel.zoo.attention import SelfAttention


def count_parameters(model: nn.Module) -> int:
    """Return the number of learned scalars."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: nn.Module, *inputs: Tensor) -> int:
    """Return the multiply-accumulates of one forward pass, by ``FlopCounterMode``.

    Matrix products and convolutions count; biases, normalisation, softmax, GELU and resizing do not. Attention is
    counted in its explicit form, because the counter takes the fused call on a CPU as zero. A mixture of experts counts
    what its style computes: the routed rows for ``nonzero`` and ``gather_w``, every expert on every token for
    ``dense_list``. The ``microsoft`` node counts its routed rows.

    Parameters
    ----------
    model
        A zoo model; parameters may live on the meta device unless its style is data-dependent.
    *inputs
        Its inputs, on the same device.
    """
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.vitaccel.moe: _microsoft_moe_flops})
    with _explicit_attention(model), torch.no_grad(), counter:
        model(*inputs)
    return int(counter.get_total_flops()) // 2


def _microsoft_moe_flops(
    x: Sequence[int], _logits: Sequence[int], w1: Sequence[int], *rest: Any, **_out_shape: Any
) -> int:
    """Return the operations of the two layers of k experts per token; the counter does not look inside the node."""
    *_biases_and_w2, top_k, _normalize = rest
    tokens, (_experts, hidden, width) = x[0], w1
    return int(2 * 2 * tokens * top_k * hidden * width)


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
