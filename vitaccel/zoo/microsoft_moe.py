"""The ``com.microsoft::MoE`` node as a PyTorch operator, and its translation by both exporters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from onnx.defs import OpSchema
from torch import Tensor, library

DOMAIN = "com.microsoft"
_INPUTS = (
    "input",
    "router_probs",
    "fc1_experts_weights",
    "fc1_experts_bias",
    "fc2_experts_weights",
    "fc2_experts_bias",
)


@library.custom_op("vitaccel::moe", mutates_args=())
def microsoft_moe(
    x: Tensor, logits: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, top_k: int, normalize: bool
) -> Tensor:
    """Return the mixture of experts as the ONNX Runtime 1.31 CPU kernel computes it.

    Parameters
    ----------
    x, logits
        Tokens ``(S, D)`` and gate logits ``(S, E)``: the kernel applies the softmax itself.
    w1, b1, w2, b2
        ``(E, h, D)``, ``(E, h)``, ``(E, D, h)``, ``(E, D)``; the activation between is GELU in its tanh form.
    top_k
        Experts per token.
    normalize
        Softmax over the k selected logits instead of over all E.
    """
    values, indices = torch.topk(logits, top_k, dim=-1)
    scores = values.softmax(dim=-1) if normalize else logits.softmax(dim=-1).gather(1, indices)
    y = torch.zeros_like(x)
    for expert in range(w1.shape[0]):
        token, slot = torch.where(indices == expert)
        hidden = F.gelu(F.linear(x[token], w1[expert], b1[expert]), approximate="tanh")
        y.index_add_(0, token, F.linear(hidden, w2[expert], b2[expert]) * scores[token, slot].unsqueeze(-1))
    return y


@microsoft_moe.register_fake
def _(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x)


def _schema() -> OpSchema:
    """Return the part of the ONNX Runtime schema that the node uses; the onnx package does not know the domain."""
    kind = OpSchema.AttrType
    return OpSchema(
        "MoE",
        DOMAIN,
        1,
        inputs=[OpSchema.FormalParameter(name, "T") for name in _INPUTS],
        outputs=[OpSchema.FormalParameter("output", "T")],
        type_constraints=[("T", ["tensor(float)", "tensor(float16)", "tensor(bfloat16)"], "")],
        attributes=[
            OpSchema.Attribute("k", kind.INT, ""),
            OpSchema.Attribute("activation_type", kind.STRING, ""),
            OpSchema.Attribute("normalize_routing_weights", kind.INT, ""),
        ],
    )


def translation_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return the ``custom_translation_table`` of the dynamo exporter."""
    from onnxscript.values import Op, Opset

    moe = Op(Opset(DOMAIN, 1), "MoE", _schema())

    def translate(x: Any, logits: Any, w1: Any, b1: Any, w2: Any, b2: Any, top_k: int, normalize: bool) -> Any:
        return moe(x, logits, w1, b1, w2, b2, k=top_k, activation_type="gelu", normalize_routing_weights=int(normalize))

    return {torch.ops.vitaccel.moe.default: translate}


@contextmanager
def legacy_symbolic(opset: int) -> Iterator[None]:
    """Let the legacy exporter write the node at ``opset`` inside the ``with`` block."""
    from torch.onnx.symbolic_helper import parse_args
    from torch.onnx.utils import register_custom_op_symbolic, unregister_custom_op_symbolic

    @parse_args("v", "v", "v", "v", "v", "v", "i", "i")
    def symbolic(g: Any, x: Any, logits: Any, w1: Any, b1: Any, w2: Any, b2: Any, top_k: int, normalize: int) -> Any:
        attributes = {"k_i": top_k, "activation_type_s": "gelu", "normalize_routing_weights_i": int(normalize)}
        node = g.op(f"{DOMAIN}::MoE", x, logits, w1, b1, w2, b2, **attributes)
        node.setType(x.type())
        return node

    register_custom_op_symbolic("vitaccel::moe", symbolic, opset)
    try:
        yield
    finally:
        unregister_custom_op_symbolic("vitaccel::moe", opset)
