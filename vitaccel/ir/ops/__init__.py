"""The operations of the Graph: what a vision transformer is made of, each with its type rule and its MAC count.

Every op is a frozen record of attributes; operands are listed in its docstring. ``macs`` follows the convention of
``torch.utils.flop_counter`` (matmuls and convolutions; no bias, normalisation, softmax, activation or interpolation).
:class:`Foreign` stands for an ONNX operator the frontend has not recognised yet; none may be left when it is done.
"""

from __future__ import annotations

from vitaccel.ir.ops.attention import REUSES, Attention, AttentionLogits
from vitaccel.ir.ops.base import Attribute, Const, Foreign, Input, Op, broadcast, need, window_counts
from vitaccel.ir.ops.experts import SCORES, Moe
from vitaccel.ir.ops.lane import ACTIVATIONS, Activation, Add, LayerNorm, Mean, Mul, Pool2d, Resize2d, Softmax
from vitaccel.ir.ops.matrix import Conv2d, Linear, MatMul, TokenMix
from vitaccel.ir.ops.view import Broadcast, Concat, FromTokens, Reshape, Select, Slice, ToTokens, Transpose

__all__ = [
    "ACTIVATIONS",
    "REUSES",
    "SCORES",
    "Activation",
    "Add",
    "Attention",
    "AttentionLogits",
    "Attribute",
    "Broadcast",
    "Concat",
    "Const",
    "Conv2d",
    "Foreign",
    "FromTokens",
    "Input",
    "LayerNorm",
    "Linear",
    "MatMul",
    "Mean",
    "Moe",
    "Mul",
    "Op",
    "Pool2d",
    "Reshape",
    "Resize2d",
    "Select",
    "Slice",
    "Softmax",
    "ToTokens",
    "TokenMix",
    "Transpose",
    "broadcast",
    "need",
    "window_counts",
]
