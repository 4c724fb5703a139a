"""Scales for a Graph out of the numbers that pass through it: no quantizer, but everything a quantized Graph has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from vitaccel.backends.float_graph import evaluate
from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.backends.float_graph.moe import route
from vitaccel.backends.float_graph.node import tensor_of, value_of
from vitaccel.ir import ops
from vitaccel.ir.graph import Graph
from vitaccel.ir.scales import VIEWS, channel_axis, narrow_positions, steps_of
from vitaccel.ir.views import base, is_free_view
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision

Feeds = Mapping[str, np.ndarray]


def passed(graph: Graph) -> Graph:
    """The Graph after the passes that come before tiling."""
    for graph_pass in (Canonicalize(), Fuse(), Label(), Precision()):
        graph = graph_pass.run(graph)
    return graph


def feeds_of(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    types = {name: graph[name].type for name in graph.inputs}
    return {
        name: np.zeros(t.static_shape, np.int64)
        if t.element == "i64"
        else rng.standard_normal(t.static_shape).astype(np.float32)
        for name, t in types.items()
    }


def quantized(graph: Graph, seed: int, *, bits: int = 8) -> Graph:
    """The Graph with a scale for every value, per-head scales for some, and its weights on their grids."""
    rng = np.random.default_rng(seed)
    result = passed(graph)
    order = result.topological()
    values = [n for n in order if not isinstance(result[n].op, ops.Const) and result[n].type.element == "f32"]
    _, taps = evaluate(result, feeds_of(result, seed), taps=values)
    for name in values:
        node = result[name]
        if isinstance(node.op, VIEWS):
            continue
        if isinstance(node.op, ops.AttentionLogits):
            result.update(name, scale=(float(np.float32(np.log(2) / 64)),))
            continue
        reach = float(np.abs(taps[name]).max()) * rng.uniform(0.95, 1.1)
        heads = {result[u].op.heads for u in result.users(name) if isinstance(result[u].op, ops.AttentionLogits)}
        count = heads.pop() if heads and node.fmt == "int8" and node.type.rank == 3 else 1
        reaches = reach * rng.uniform(0.8, 1.2, count) / (127 if node.fmt == "int8" else 32767)
        channels = node.type.static_shape[channel_axis(result, name)]
        scale = np.repeat(reaches.astype(np.float32), channels // count) if count > 1 else reaches.astype(np.float32)
        result.update(name, scale=tuple(scale.tolist()))
        if node.fmt == "int16" and any(
            result[u].inputs[at] == name for u in result.users(name) for at in narrow_positions(result, u)
        ):
            result.update(name, narrow_scale=float(np.float32(reach / 127)))
        _inner(result, name, reach)
    for name in order:
        if isinstance(result[name].op, VIEWS) and not is_free_view(result, name) and result[name].inputs[0] in values:
            shown = result[base(result, result[name].inputs[0])]
            own = (float(np.float32(np.abs(taps[name]).max() / 127)),)
            same = shown.scale if len(shown.scale) == 1 else ()
            result.update(name, scale=same if result[name].fmt == shown.fmt else own)
        for at in (1, 2, 3, 4, 5):
            _weight(result, name, at, bits)
    return result


def _inner(graph: Graph, name: str, reach: float) -> None:
    node = graph[name]
    steps = [float(np.float32(reach * f)) for f in (2 / 127, 1.5 / 127, 2 / 32767)]
    if isinstance(node.op, ops.Moe):
        graph.update(name, inner_scale=tuple(steps))
    elif isinstance(node.op, ops.Attention) and node.op.reuse == "head_mean_T":
        graph.update(name, inner_scale=(float(np.float32(1 / 127)),))
    elif isinstance(node.op, ops.Activation) and node.kernel == name and graph[node.inputs[0]].fmt == "int16":
        graph.update(name, inner_scale=(steps[0],))


def _weight(graph: Graph, reader: str, at: int, bits: int) -> None:
    """Bring a constant operand onto a grid: columns of weights in 8 or 4 bits, biases in 32."""
    node = graph[reader]
    weights = {ops.Linear: (1,), ops.Conv2d: (1,), ops.TokenMix: (1,), ops.Moe: (2, 4)}.get(type(node.op), ())
    biases = {ops.Linear: (2,), ops.Conv2d: (2,), ops.Moe: (3, 5)}.get(type(node.op), ())
    if at >= len(node.inputs) or at not in (*weights, *biases):
        return
    name = node.inputs[at]
    name = graph[name].inputs[0] if isinstance(graph[name].op, ops.Select) else name
    if graph[name].scale:
        return
    array = graph.array(name)
    if at in biases:
        # onnxruntime takes a bias for integers of this scale when it makes one operator of a product and a bias.
        weight = graph[node.inputs[at - 1]]
        weight = graph[weight.inputs[0]] if isinstance(weight.op, ops.Select) else weight
        step = node.inner_scale[1] if at == 5 else _step_read(graph, node.inputs[0])
        scale = np.array(weight.scale, np.float32).reshape(-1)[-array.size :] * np.float32(step)
        _put(graph, name, scale, 2**22, "int32")
        return
    half = 2 ** (bits - 1) - 1
    if isinstance(node.op, ops.TokenMix):
        _put(graph, name, np.array([np.abs(array).max() / 127], np.float32), 127, "int8")
        return
    conv = isinstance(node.op, ops.Conv2d)
    reach = np.abs(array).max(axis=(1, 2, 3)) if conv else np.abs(array).max(axis=-2)
    _put(graph, name, (np.maximum(reach, 1e-3) / half).astype(np.float32).reshape(-1), half, f"int{bits}")


def _step_read(graph: Graph, name: str) -> float:
    """Step of the int8 value that a matrix product reads."""
    while isinstance(graph[name].op, VIEWS):
        name = graph[name].inputs[0]
    node = graph[name]
    return node.narrow_scale or node.scale[0]


def _put(graph: Graph, name: str, scale: np.ndarray, limit: int, fmt: str) -> None:
    graph.update(name, scale=tuple(scale.tolist()), fmt=fmt)
    steps = steps_of(graph, name)
    integers = np.rint(graph.array(name) / steps).clip(-limit, limit)
    graph._arrays[name] = (integers * steps).astype(np.float32)


# -- what the file must compute ------------------------------------------------------------------------------------
def fake_quantized(graph: Graph, feeds: Feeds) -> list[np.ndarray]:
    """The outputs in float with every rounding that scales ask for, ties to even as QuantizeLinear rounds."""
    values: dict[str, torch.Tensor] = {}
    for name in graph.topological():
        node = graph[name]
        operands = [_read(graph, name, at, values) for at in range(len(node.inputs))]
        exact = _inside(graph, name, operands) if node.inner_scale else value_of(graph, name, feeds, operands)
        if node.scale and not isinstance(node.op, ops.Const):
            exact = rounded(exact, steps_of(graph, name), 8 if node.fmt == "int8" else 16)
        values[name] = exact
    return [values[name].numpy() for name in graph.outputs]


def _read(graph: Graph, name: str, at: int, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
    operand = graph[name].inputs[at]
    source = operand
    while isinstance(graph[source].op, VIEWS) and not isinstance(graph[source].op, ops.Select):
        source = graph[source].inputs[0]
    step = graph[source].narrow_scale
    return rounded(values[operand], step, 8) if step and at in narrow_positions(graph, name) else values[operand]


def rounded(value: torch.Tensor, steps: np.ndarray | float, bits: int) -> torch.Tensor:
    step = tensor_of(np.asarray(steps, np.float32))
    return (value / step).round().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * step


def _inside(graph: Graph, name: str, operands: list[torch.Tensor]) -> torch.Tensor:
    node, scales = graph[name], graph[name].inner_scale
    op = node.op
    if isinstance(op, ops.Activation):
        return ACTIVATION[op.kind](rounded(operands[0], scales[0], 8))
    if isinstance(op, ops.Attention):
        return rounded(operands[0].softmax(-1).mean(1), scales[0], 8).mT @ operands[1]
    assert isinstance(op, ops.Moe)
    return _experts(op, operands, scales, ACTIVATION[op.activation])


def _experts(
    op: ops.Moe,
    operands: list[torch.Tensor],
    scales: tuple[float, ...],
    function: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    x, logits, w1, b1, w2, b2 = operands
    tokens = x.reshape(-1, x.shape[-1])
    routing = route(op, logits.reshape(-1, op.experts))
    total = torch.zeros(tokens.shape[0], w2.shape[-1])
    for expert in range(op.experts):
        gate = (routing.scores * ((routing.experts == expert) & routing.kept)).sum(-1, keepdim=True)
        hidden = rounded(function(rounded(tokens @ w1[expert] + b1[expert], scales[0], 8)), scales[1], 8)
        total += gate * rounded(hidden @ w2[expert] + b2[expert], scales[2], 16)
    return total.reshape(*x.shape[:-1], -1)
