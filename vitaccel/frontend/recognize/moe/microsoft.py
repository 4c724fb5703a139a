"""The ``com.microsoft`` operator MoE: the one style whose meaning is given, not found.

As the CPU kernel of ONNX Runtime 1.31 computes it: the input named ``router_probs`` takes logits, the operator applies
the softmax over all experts itself (and divides by the sum over the chosen with ``normalize_routing_weights``), and its
``gelu`` is the tanh form.
"""

from __future__ import annotations

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.moe.experts import Stack
from vitaccel.frontend.recognize.moe.rewrite import add_stack, logits_like_tokens, replace_value
from vitaccel.frontend.recognize.moe.router import title
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Moe, Reshape

ACTIVATION = {"relu": "relu", "gelu": "gelu_tanh", "silu": "silu"}
"""Kinds of activation by ``activation_type``."""

_INPUTS = ("input", "router_probs", "fc1 weights", "fc1 bias", "fc2 weights", "fc2 bias", "fc3 weights", "fc3 bias")


def recognize_microsoft_moe(graph: Graph) -> None:
    """Replace every ``com.microsoft`` MoE by a ``moe`` node.

    Raises
    ------
    UnsupportedError
        If it has a third weight, quantised weights, a sparse mixer or another activation, or its shapes do not fit.
    """
    for name in list(graph):
        op = graph[name].op
        if isinstance(op, Foreign) and op.domain == "com.microsoft" and op.op_type in ("MoE", "QMoE"):
            _check(graph, name, op)
            _rewrite(graph, name, op)


def _check(graph: Graph, name: str, op: Foreign) -> None:
    what = title(graph, name)
    if op.op_type == "QMoE":
        raise UnsupportedError(f"{what} must have float weights, as MoE has, not block-quantised ones")
    if extra := [_INPUTS[p] if p < len(_INPUTS) else f"input {p}" for p in op.present if p > 5]:
        raise UnsupportedError(f"{what} must have two linear layers per expert, not {extra[0]} too")
    if op.attr("activation_type", "relu") not in ACTIVATION:
        raise UnsupportedError(
            f"{what} must have an activation_type of {', '.join(ACTIVATION)}, not {op.attr('activation_type')}"
        )
    if op.attr("use_sparse_mixer", 0):
        raise UnsupportedError(f"{what} must have use_sparse_mixer=0, not 1")
    for position, operand in zip(op.present, graph[name].inputs, strict=True):
        if position >= 2 and not graph.is_const(operand):
            raise UnsupportedError(f"{what} must have constant {_INPUTS[position]}")
    if not {0, 1, 2, 4} <= set(op.present):
        raise UnsupportedError(f"{what} must have an input, router_probs, fc1 weights and fc2 weights")


def _rewrite(graph: Graph, name: str, op: Foreign) -> None:
    operand = dict(zip(op.present, graph[name].inputs, strict=True))
    tokens = operand[0]
    width = graph[tokens].type.static_shape[-1]
    while isinstance(graph[tokens].op, Reshape) and graph[graph[tokens].inputs[0]].type.shape[-1] == width:
        tokens = graph[tokens].inputs[0]
    experts = graph[operand[1]].type.static_shape[-1]
    hidden = graph[operand[2]].type.static_shape[-2:-1]
    shapes = {2: (experts, *hidden, width), 4: (experts, width, *hidden), 3: (experts, *hidden), 5: (experts, width)}
    for position in set(op.present) - {0, 1}:
        if graph[operand[position]].type.shape != shapes[position]:
            raise UnsupportedError(
                f"{title(graph, name)} must have {_INPUTS[position]} of shape {list(shapes[position])},"
                f" not {graph[operand[position]].type}"
            )
    stacks = []
    for weight, bias in ((2, 3), (4, 5)):
        rows, columns = shapes[weight][2], shapes[weight][1]
        stacks.append(Stack((experts, rows, columns), (operand[weight],), shapes[weight], (0, 2, 1)))
        given = ((operand[bias],), (experts, columns), (0, 1)) if bias in operand else ()
        stacks.append(Stack((experts, columns), *given))
    moe = Moe(
        experts=experts,
        k=int(op.attr("k", 1)),  # type: ignore[arg-type]
        score="renorm" if op.attr("normalize_routing_weights", 0) else "softmax_all",
        activation=ACTIVATION[str(op.attr("activation_type", "relu"))],
    )
    logits = logits_like_tokens(graph, operand[1], tokens)
    try:
        made = graph.add(moe, [tokens, logits, *(add_stack(graph, s) for s in stacks)], sources=graph[name].sources)
    except ValueError as error:
        raise UnsupportedError(f"{title(graph, name)} must be a mixture of experts, but {error}") from error
    replace_value(graph, name, made)
