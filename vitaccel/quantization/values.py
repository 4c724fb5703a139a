"""What each value of a Graph needs from quantization: its width, how many scales, and which are given."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Activation,
    Attention,
    AttentionLogits,
    Const,
    Conv2d,
    Input,
    LayerNorm,
    Linear,
    MatMul,
    Mean,
    Moe,
    Select,
    Softmax,
    TokenMix,
)
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
from vitaccel.ir.views import base, is_free_view, is_input_layout, real_users
from vitaccel.passes.convolution import is_depthwise
from vitaccel.quantization.grid import base2_step
from vitaccel.quantization.streams import preactivation_of, streams

INNER = {"moe": ("pre", "hidden", "result"), "attention": ("mean",), "activation": ("pre",)}
"""Names of the values inside a node that have scales of their own, in the order of :attr:`Node.inner_scale`."""

INNER_BITS = {"pre": 8, "hidden": 8, "mean": 8, "result": 16}


@dataclass(frozen=True)
class ValuePlan:
    """What one value needs.

    Parameters
    ----------
    name
        The Graph value.
    bits
        8 or 16.
    heads
        Scales: one for each of so many groups of channels.
    fixed
        The scale, where the format gives it; otherwise 0.
    stream
        Representative of the values that share the scale.
    activation
        Kind of the activation that is the only reader, or "".
    rounded
        Whether the machine rounds here; what a fused addition reads is not rounded by itself.
    narrow
        Whether matmuls read an int8 copy beside the 16 bits that others read.
    inner
        Names of the values inside the node.
    """

    name: str
    bits: int
    heads: int = 1
    fixed: float = 0.0
    stream: str = ""
    activation: str = ""
    rounded: bool = True
    narrow: bool = False
    inner: tuple[str, ...] = ()


def plan_values(graph: Graph) -> dict[str, ValuePlan]:
    """Plans of all float values that are neither constants nor free views, in canonical order.

    Raises
    ------
    UnsupportedError
        If a value has no format, or a stream would need two given scales.
    """
    joined = streams(graph)
    given = _given(graph, joined)
    plans = {}
    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, Const | Select) or node.type.element != "f32" or is_free_view(graph, name):
            continue
        if not node.fmt:
            raise UnsupportedError(f"{name} ({node.op.name}) must have a format: run the precision pass first")
        activation = preactivation_of(graph, name)
        bits = 8 if activation else _bits(graph, name)
        plans[name] = ValuePlan(
            name=name,
            bits=bits,
            heads=_heads(graph, name, joined) if bits == 8 else 1,
            fixed=given.get(joined[name], 0.0),
            stream=joined[name],
            activation=graph[activation].op.kind if activation else "",  # type: ignore[attr-defined]
            rounded=not _rounds_later(graph, name) and not is_input_layout(graph, name),
            narrow=bits == 16 and any(_reads_int8(graph, user, name) for user in real_users(graph, name)),
            inner=_inner(graph, name),
        )
    return plans


def _bits(graph: Graph, name: str) -> int:
    if isinstance(graph[name].op, Input) or is_input_layout(graph, name):
        source = name
        wide = any(not _reads_int8(graph, user, source) for user in _layout_users(graph, source))
        return 16 if wide else 8
    return 8 if graph[name].fmt == "int8" else 16


def _layout_users(graph: Graph, name: str) -> list[str]:
    found: list[str] = []
    for user in real_users(graph, name):
        found.extend(_layout_users(graph, user) if is_input_layout(graph, user) else [user])
    return found


def _reads_int8(graph: Graph, user: str, value: str) -> bool:
    """Whether a reader takes its operand in int8: what the lowering of each op asks for."""
    op = graph[user].op
    if isinstance(op, Linear | Conv2d | MatMul | TokenMix | Mean | AttentionLogits):
        masked = isinstance(op, AttentionLogits) and value not in [base(graph, i) for i in graph[user].inputs[:2]]
        return not masked and not is_depthwise(graph, user)
    if isinstance(op, Attention):
        return base(graph, graph[user].inputs[1]) == value
    if isinstance(op, Moe):
        return base(graph, graph[user].inputs[0]) == value
    return False


def reads_narrow(graph: Graph, user: str, operand: str) -> bool:
    """Whether a node reads the int8 copy of an operand that also exists in 16 bits."""
    source = base(graph, operand)
    return bool(graph[source].narrow_scale) and _reads_int8(graph, user, source)


def _heads(graph: Graph, name: str, joined: dict[str, str]) -> int:
    """Heads of the attentions that are the only readers of a value whose channels have a multiplier each."""
    node = graph[name]
    alone = node.kernel == name and sum(stream == joined[name] for stream in joined.values()) == 1
    if not isinstance(node.op, Linear | Conv2d | LayerNorm) or not alone:
        return 1
    heads = {_heads_of_reader(graph, user, name) for user in real_users(graph, name)}
    return heads.pop() if len(heads) == 1 else 1


def _heads_of_reader(graph: Graph, user: str, value: str) -> int:
    op = graph[user].op
    if isinstance(op, AttentionLogits):
        return op.heads
    if isinstance(op, Attention) and op.reuse != "head_mean_T" and base(graph, graph[user].inputs[1]) == value:
        return graph[graph[user].inputs[0]].type.static_shape[1]
    return 1


def _rounds_later(graph: Graph, name: str) -> bool:
    """Whether a matmul's value is only rounded by what is fused behind it: a sum, or tokens joined to it."""
    if preactivation_of(graph, name) or isinstance(graph[name].op, Activation | AttentionLogits):
        return False
    users = real_users(graph, name)
    return len(users) == 1 and graph[name].kernel != "" and graph[users[0]].kernel == graph[name].kernel


def _inner(graph: Graph, name: str) -> tuple[str, ...]:
    op = graph[name].op
    if isinstance(op, Attention) and op.reuse != "head_mean_T":
        return ()
    if isinstance(op, Activation) and graph[name].kernel != name:
        return ()
    return INNER.get(op.name, ())


def _given(graph: Graph, joined: dict[str, str]) -> dict[str, float]:
    """Scales that formats give, by stream: base-2 logits, and probabilities."""
    given: dict[str, float] = {}

    def give(value: str, scale: float) -> None:
        stream = joined[base(graph, value)]
        if given.setdefault(stream, scale) != scale:
            raise UnsupportedError(
                f"{graph[value].label or value}: a value must have one given scale, not {given[stream]} and {scale}"
            )

    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, AttentionLogits):
            give(name, base2_step(int(node.fmt.rpartition(".")[2])))
        elif isinstance(node.op, Moe):
            give(node.inputs[1], base2_step(ROUTER_FRACTION_BITS))
        elif isinstance(node.op, Softmax):
            give(node.inputs[0], base2_step(ROUTER_FRACTION_BITS))
            give(name, 2.0**-7 if node.fmt == "int8" else 2.0**-15)
    return given
