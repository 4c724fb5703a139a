"""The values of the integer network that can be compared with the float network's, and how to bring them together."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from vitaccel.errors import VerifyError
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const
from vitaccel.ir.plan import AttentionKernel
from vitaccel.quantization.record import QuantizationRecord
from vitaccel.quantization.smoothing import Site, observed_by


@dataclass(frozen=True)
class SeenValue:
    """A value that both networks have.

    Parameters
    ----------
    value
        Its name in the Graph.
    name, op
        The layer that computes it and what that is.
    heads
        Groups of channels with padding behind each in the integer network; 1 where the channels are not padded.
    reads
        The nearest such values that it is computed from; inputs of the model are among them.
    """

    value: str
    name: str
    op: str
    heads: int
    reads: tuple[str, ...]


def seen_values(model: IntegerModel) -> list[SeenValue]:
    """Inputs of the model with a scale, then the values that can be tapped, in the order of the Program.

    Attention logits are not among them: they never leave the machine's logit buffer. What reads kept logits counts as
    reading the queries and keys.
    """
    graph, plan = model.graph, model.lowered.plan
    taps = model.taps()
    inputs = [name for name in graph.inputs if graph[name].scale]
    known = {*inputs, *taps}
    kernels = {kernel.out: kernel for kernel in plan.kernels}
    heads: dict[str, int] = {}
    for kernel in plan.kernels:
        if isinstance(kernel, AttentionKernel):
            heads |= {tensor: kernel.heads for tensor in (kernel.q, kernel.k, kernel.v) if tensor}
    return [
        *(SeenValue(name, name, "input", 1, ()) for name in inputs),
        *(
            SeenValue(value, label, kernels[value].op, heads.get(value, 1), _reads(graph, value, known))
            for value, label in taps.items()
        ),
    ]


def _reads(graph: Graph, value: str, known: set[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    waiting, met = list(graph[value].inputs), {value}
    while waiting:
        name = waiting.pop(0)
        if name in met or isinstance(graph[name].op, Const):
            continue
        met.add(name)
        if name in known:
            found[name] = None
        else:
            waiting += graph[name].inputs
    return tuple(found)


def check_same_values(reference: Graph, model: IntegerModel) -> None:
    """Require that the two networks name the same values alike.

    Raises
    ------
    VerifyError
        If a value of the integer network is missing in the float one, or has another type or another operation.
    """
    for name in [*model.graph.inputs, *model.taps(), *model.graph.outputs]:
        node = model.graph[name]
        other = reference.nodes.get(name)
        if other is None or other.type != node.type or type(other.op) is not type(node.op):
            found = f"{other.op.name} : {other.type}" if other else "nothing"
            raise VerifyError(f"{name} of the float network must be {node.op.name} : {node.type}, not {found}")


def as_tokens(array: np.ndarray) -> np.ndarray:
    """A float value as ``[images, tokens, channels]``: of an image, pixels are tokens; a row is one token."""
    if array.ndim == 4:
        return array.reshape(*array.shape[:2], -1).transpose(0, 2, 1)
    return array.reshape(len(array), prod(array.shape[1:-1]), array.shape[-1])


def without_padding(integers: np.ndarray, heads: int, channels: int) -> np.ndarray:
    """Integers ``[images, tokens, padded channels]`` without what pads each head."""
    if integers.shape[-1] == channels:
        return integers
    split = integers.reshape(*integers.shape[:-1], heads, -1)[..., : channels // heads]
    return split.reshape(*integers.shape[:-1], channels)


def channel_factors(graph: Graph, record: QuantizationRecord | None) -> dict[str, np.ndarray]:
    """What the quantizer's smoothing divided the channels of values by; a value that is not named was not divided."""
    found: dict[str, np.ndarray] = {}
    for choice in record.smoothing if record else ():
        factors = np.asarray(choice.factors, np.float64)
        site = Site(choice.kind, choice.value, observed_by(graph, choice.kind, choice.value))
        for value in site.divided(graph):
            found[value] = found[value] * factors if value in found else factors
    return found
