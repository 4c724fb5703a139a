"""Scales that a file brings along, in the form of the machine: 16 bits where it holds 16, one scale for a stream."""

from __future__ import annotations

from typing import cast

import numpy as np

from vitaccel.errors import QuantizationError
from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.scales import unscaled
from vitaccel.ir.verify import verify_graph
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision
from vitaccel.quantization.grid import largest
from vitaccel.quantization.observe import Observation
from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.readers import own_constants
from vitaccel.quantization.scales import Scales, histogram_groups, select_scales
from vitaccel.quantization.streams import is_copy
from vitaccel.quantization.values import INNER_BITS, ValuePlan, plan_values

AS_FILED = QuantizationOptions(activation_range="max", headroom=1)
"""Ranges are those of the file: none is narrowed or widened."""


class FiledRanges:
    """What the scales of a file say about ranges, in the place of what calibration images show.

    Parameters
    ----------
    graph
        Labelled, its formats still those of the file.
    """

    def __init__(self, graph: Graph) -> None:
        self.nodes = {name: graph[name] for name in graph if graph[name].scale}
        self.peaks: dict[str, np.ndarray] = {}
        self.limits: dict[str, np.ndarray] = {}
        self.histograms: dict[str, np.ndarray] = {}

    def fill(self, graph: Graph, plans: dict[str, ValuePlan]) -> None:
        """Note the ranges of all values that need one, and of values inside nodes."""
        groups = histogram_groups(plans)
        for name, plan in plans.items():
            node = self.nodes.get(name)
            if node is None:
                continue
            self._note(name, np.array(node.scale) * largest(_bits(node)), groups.get(name, 1), _channels(graph[name]))
            for stem, scale in zip(plan.inner, node.inner_scale, strict=False):
                self._note(f"{name}.{stem}", np.array([scale]) * largest(INNER_BITS[stem]), 1, 1)

    def _note(self, key: str, limits: np.ndarray, groups: int, channels: int) -> None:
        peaks = np.broadcast_to(limits, channels) if limits.size in (1, channels) else np.full(channels, limits.max())
        self.peaks[key] = peaks
        self.limits[key] = peaks.reshape(groups, -1).max(axis=1)
        self.histograms[key] = np.zeros((groups, 1))


def adopt_scales(graph: Graph, *, fraction_bits: int, model: str) -> Graph:
    """Bring the scales of an imported Graph into the form that the machine computes in.

    Parameters
    ----------
    graph
        A Graph that another quantizer gave scales; it is not changed.
    fraction_bits
        Of the base-2 attention logits.
    model
        The file, for error messages.

    Raises
    ------
    QuantizationError
        If a value that is rounded has no scale, or weights have none.
    """
    filed = graph
    for graph_pass in (Canonicalize(), Fuse(), Label()):
        filed = graph_pass.run(filed)
    filed = filed.canonical()
    ranges = FiledRanges(filed)
    result = Precision(logit_fraction_bits=fraction_bits).run(filed)
    own_constants(result)
    plans = plan_values(result)
    ranges.fill(result, plans)
    _check(result, plans, ranges, model)
    Scales(result, plans, cast(Observation, ranges), AS_FILED).assign()
    for name, plan in plans.items():
        if plan.narrow and name in ranges.nodes and ranges.nodes[name].narrow_scale:
            result.update(name, narrow_scale=ranges.nodes[name].narrow_scale)
    select_scales(result)
    result.prune()
    result = result.canonical()
    if left := unscaled(result):
        _refuse(result, left, model)
    verify_graph(result, after="adopt")
    return result


def _check(graph: Graph, plans: dict[str, ValuePlan], ranges: FiledRanges, model: str) -> None:
    """Require a range of every value that the machine rounds, and of what it rounds inside nodes."""
    missing = [
        name
        for name, plan in plans.items()
        if (plan.rounded and not plan.fixed and not is_copy(graph, name) and name not in ranges.peaks)
        or any(f"{name}.{stem}" not in ranges.peaks for stem in plan.inner)
    ]
    if missing:
        _refuse(graph, missing, model)


def _refuse(graph: Graph, missing: list[str], model: str) -> None:
    node = graph[missing[0]]
    where = f"{node.label or missing[0]} ({node.op.name})"
    if graph.is_const(missing[0]):
        user = graph[graph.users(missing[0])[0]]
        where = f"the weights of {user.label or user.op.name}"
    raise QuantizationError(
        f"every value of {model} must have a scale to run in integers, but {len(missing)} have none, the first of "
        f"{where}: quantize the float model with vitaccel quantize"
    )


def _bits(node: Node) -> int:
    return 8 if node.fmt in ("int8", "int4") else 16


def _channels(node: Node) -> int:
    shape = node.type.static_shape
    return shape[1] if len(shape) == 4 else shape[-1] if shape else 1
