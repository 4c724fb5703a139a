"""A mixture of experts: every expert on every token, weighed by a matrix of gates.

This form says everything a ``moe`` is, and the frontend proves it back: scores, ties, capacity and drop order.
"""

from __future__ import annotations

from math import prod

import numpy as np
from onnx import TensorProto

from vitaccel.backends.onnx_qdq.emit import Site, emit
from vitaccel.backends.onnx_qdq.lanes import activated
from vitaccel.backends.onnx_qdq.pairs import part
from vitaccel.ir import ops


@emit.register
def moe(op: ops.Moe, site: Site) -> str:
    """Gates times experts, summed."""
    *lead, width = site.shape_of(0)
    tokens = site.reshape(site.x(0), prod(lead), width)
    gates = _gates(op, site, prod(lead))
    total = ""
    for expert in range(op.experts):
        result = site.op("Mul", _column(site, gates, expert), _expert(op, site, tokens, expert))
        total = site.op("Add", total, result) if total else result
    return site.reshape(total, *site.shape)


def _column(site: Site, gates: str, expert: int) -> str:
    """The gate of one expert for every token, [S, 1]."""
    return site.op("Slice", gates, *map(site.builder.ints, (expert, expert + 1, 1)))


def _expert(op: ops.Moe, site: Site, tokens: str, expert: int) -> str:
    """``act(x @ w1 + b1) @ w2 + b2`` of all tokens, rounded where the machine rounds."""
    w1, b1, w2, b2 = (part(site.builder, site.graph, name, expert) for name in site.node.inputs[2:])
    before = _rounded(site, site.op("Add", site.op("MatMul", tokens, w1), b1), 0, "int8")
    behind = _rounded(site, activated(site, op.activation, before), 1, "int8")
    return _rounded(site, site.op("Add", site.op("MatMul", behind, w2), b2), 2, "int16")


def _rounded(site: Site, value: str, which: int, fmt: str) -> str:
    scales = site.node.inner_scale
    return site.rounded(value, scales[which], fmt) if scales else value


def _gates(op: ops.Moe, site: Site, tokens: int) -> str:
    """What each expert's result counts for each token, [S, E]: the score where it is chosen and has room, else 0."""
    logits = site.reshape(site.x(1), tokens, op.experts)
    scores, chosen = _scores(op, site, logits)
    ends = site.builder.array(np.array([0, 1], np.float32), stem="off_on")
    one_hot = site.op("OneHot", chosen, site.builder.ints(op.experts), ends, axis=-1)
    if op.capacity:
        scores = site.op("Mul", scores, _kept(op, site, one_hot, tokens))
    weighed = site.op("Mul", one_hot, site.op("Unsqueeze", scores, site.builder.ints(2)))
    return site.op("ReduceSum", weighed, site.builder.ints(1), keepdims=0)


def _scores(op: ops.Moe, site: Site, logits: str) -> tuple[str, str]:
    """Scores [S, k] and experts [S, k] of each token, best first."""
    ranked = logits if op.score == "softmax_topk" else site.op("Softmax", logits, axis=-1)
    best, chosen = site.builder.ops("TopK", ranked, site.builder.ints(op.k), stem=site.stem, outputs=2, axis=-1)
    if op.score == "softmax_topk":
        best = site.op("Softmax", best, axis=-1)
    elif op.score == "renorm":
        best = site.op("Div", best, site.op("ReduceSum", best, site.builder.ints(-1), keepdims=1))
    return best, chosen


def _kept(op: ops.Moe, site: Site, one_hot: str, tokens: int) -> str:
    """1 where an assignment [S, k] is among the first ``capacity`` of its expert in drop order, else 0."""
    queue = one_hot if op.order == "token" else site.transpose(one_hot, 1, 0, 2)
    queue = site.reshape(queue, tokens * op.k, op.experts)
    place = site.op("CumSum", queue, site.builder.ints(0))
    mine = site.op("ReduceSum", site.op("Mul", place, queue), site.builder.ints(1), keepdims=0)
    seat = site.op("Cast", mine, to=int(TensorProto.INT64))
    fits = site.op("Cast", site.op("LessOrEqual", seat, site.builder.ints(op.capacity)), to=int(TensorProto.FLOAT))
    if op.order == "token":
        return site.reshape(fits, tokens, op.k)
    return site.transpose(site.reshape(fits, op.k, tokens), 1, 0)
