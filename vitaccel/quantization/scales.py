"""Scales of all values, from what calibration showed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Attention, AttentionLogits, Const, MatMul, Moe, Mul, Select, TokenMix
from vitaccel.ir.views import base
from vitaccel.quantization.grid import largest, step, to_grid
from vitaccel.quantization.observe import Observation, group_peaks
from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.ranges import Function, Range, choose_range
from vitaccel.quantization.readers import replace_constant
from vitaccel.quantization.record import ValueChoice
from vitaccel.quantization.streams import is_channel_parameter, streams
from vitaccel.quantization.values import INNER_BITS, ValuePlan, reads_narrow
from vitaccel.quantization.weights import matrix_scale


def histogram_groups(plans: Mapping[str, ValuePlan]) -> dict[str, int]:
    """Values, by key, whose int8 range needs a histogram, with their number of scales."""
    wanted = {}
    for plan in plans.values():
        if (plan.bits == 8 and not plan.fixed) or plan.narrow:
            wanted[plan.name] = plan.heads
        wanted |= {f"{plan.name}.{stem}": 1 for stem in plan.inner if INNER_BITS[stem] == 8}
    return wanted


class Scales:
    """Chooses scales and writes them into a Graph.

    Parameters
    ----------
    graph
        The Graph, changed in place.
    plans
        Its values.
    seen
        The pass that has peaks of all values and the histograms of :func:`histogram_groups`.
    options
        How ranges are chosen.
    """

    def __init__(
        self, graph: Graph, plans: Mapping[str, ValuePlan], seen: Observation, options: QuantizationOptions
    ) -> None:
        self.graph = graph
        self.plans = plans
        self.seen = seen
        self.options = options
        self.joined = streams(graph)
        self.choices: list[ValueChoice] = []

    def assign(self) -> list[ValueChoice]:
        """Give every value, table and matrix its scale; constants move onto their grids."""
        members: dict[str, list[ValuePlan]] = {}
        for plan in self.plans.values():
            members.setdefault(plan.stream, []).append(plan)
        for stream, plans in members.items():
            self._stream(stream, plans)
        for plan in self.plans.values():
            self._narrow(plan)
            self._inner(plan)
        self._constants()
        return self.choices

    def _stream(self, stream: str, plans: list[ValuePlan]) -> None:
        """One scale for all members, or one for each head of the only member."""
        fixed = plans[0].fixed
        bits = min(plan.bits for plan in plans)
        peaks = {plan.name: self._peak(plan.name) for plan in plans}
        tables = [self._table_peak(name) for name, of in self.joined.items() if of == stream and self._is_table(name)]
        if fixed:
            scale: tuple[float, ...] = (fixed,)
            method, limits = "given", [fixed * largest(bits)]
        elif bits == 16:
            top = max([peaks[plan.name] for plan in plans if plan.rounded] + tables)
            method, limits = "headroom" if len(plans) == 1 else "stream", [top * self.options.headroom]
            scale = (step(limits[0], 16),)
        else:
            narrow = [plan for plan in plans if plan.bits == 8]
            found = [self._range(plan.name, plan.heads, self._through(plan.activation)) for plan in narrow]
            method = self.options.activation_range
            limits = [max(each.limit for each in part) for part in zip(*found, strict=True)]
            scale = tuple(step(limit, 8) for limit in limits)
        for plan in plans:
            heads = group_peaks(self.seen.peaks.get(plan.name, np.zeros(len(scale))), len(scale))
            ratios = [limit / peak for limit, peak in zip(limits, heads, strict=True) if peak > 0]
            self.graph.update(plan.name, scale=self._by_channel(plan, scale))
            if plan.activation:  # the table behind it has 256 entries
                self.graph.update(plan.name, fmt="int8")
            if plan.rounded:
                self._choose(plan.name, plan.bits, method, peaks[plan.name], min(ratios, default=1.0), scale, stream)

    def _by_channel(self, plan: ValuePlan, scale: tuple[float, ...]) -> tuple[float, ...]:
        if plan.heads == 1:
            return scale
        type_ = self.graph[plan.name].type
        channels = type_.static_shape[1 if type_.rank == 4 else -1]
        return tuple(np.repeat(scale, channels // plan.heads).tolist())

    def _narrow(self, plan: ValuePlan) -> None:
        if plan.narrow:
            found = self._range(plan.name, 1, None)[0]
            scale = step(found.limit, 8)
            self.graph.update(plan.name, narrow_scale=scale)
            self._choose(f"{plan.name}.int8", 8, self.options.activation_range, found.peak, found.ratio, (scale,), "")

    def _inner(self, plan: ValuePlan) -> None:
        scales = []
        op = self.graph[plan.name].op
        kind = op.kind if isinstance(op, Activation) else op.activation if isinstance(op, Moe) else ""
        for stem in plan.inner:
            key = f"{plan.name}.{stem}"
            if INNER_BITS[stem] == 16:
                peak = self._peak(key)
                found, method = Range(peak * self.options.headroom, peak), "headroom"
            else:
                found = self._range(key, 1, self._through(kind) if stem == "pre" else None)[0]
                method = self.options.activation_range
            scales.append(step(found.limit, INNER_BITS[stem]))
            self._choose(key, INNER_BITS[stem], method, found.peak, found.ratio, (scales[-1],), "")
        if scales:
            self.graph.update(plan.name, inner_scale=tuple(scales))

    def _range(self, key: str, groups: int, through: Function | None) -> list[Range]:
        if key not in self.seen.peaks:  # inside an expert that no calibration image reached
            return [Range(0.0, 0.0)] * groups
        peaks = group_peaks(self.seen.peaks[key], groups)
        limits = self.seen.limits[key]
        return [
            choose_range(histogram, float(limit), 8, self.options, through) if peak > 0 else Range(0.0, 0.0)
            for histogram, limit, peak in zip(self.seen.histograms[key], limits, peaks, strict=True)
        ]

    def _peak(self, key: str) -> float:
        return float(self.seen.peaks[key].max()) if key in self.seen.peaks else 0.0

    @staticmethod
    def _through(kind: str) -> Function | None:
        return (lambda x: ACTIVATION[kind](torch.from_numpy(x)).numpy()) if kind else None

    def _choose(
        self, key: str, bits: int, method: str, peak: float, ratio: float, scale: tuple[float, ...], stream: str
    ) -> None:
        node = self.graph[key.partition(".")[0] if key not in self.graph else key]
        self.choices.append(ValueChoice(key, node.label, node.op.name, bits, method, peak, ratio, scale, stream))

    # -- constants that are values -----------------------------------------------------------------------------------
    def _is_table(self, name: str) -> bool:
        """Whether a constant is a member of a stream of values."""
        return self.graph.is_const(name) and any(
            other != name and self.joined[other] == self.joined[name] for other in self.plans
        )

    def _table_peak(self, name: str) -> float:
        array = self.graph.array(name)
        finite = np.abs(array[np.isfinite(array)])
        return float(finite.max(initial=0.0))

    def _constants(self) -> None:
        """Tables join their streams; matrices and learned operands of matmuls get one int8 scale; masks saturate."""
        by_stream = {plan.stream: self.graph[plan.name].scale for plan in self.plans.values()}
        for name in list(self.joined):
            if not isinstance(self.graph[name].op, Const):
                continue
            user = self.graph.users(name)[0]
            if self._is_table(name):
                self._put(name, by_stream[self.joined[name]][0], 16)
            elif self._is_matrix(user, name):
                self._put(name, matrix_scale(self.graph.array(name)), 8)
            elif isinstance(self.graph[user].op, Mul) and not is_channel_parameter(self.graph, user, name):
                self._put(name, step(self._table_peak(name), 16), 16)

    def _is_matrix(self, user: str, name: str) -> bool:
        node = self.graph[user]
        if isinstance(node.op, TokenMix | MatMul):
            return True
        if isinstance(node.op, AttentionLogits):
            return name in node.inputs[:2]
        return isinstance(node.op, Attention)

    def _put(self, name: str, scale: float, bits: int) -> None:
        half = 2 ** (bits - 1)
        gridded = to_grid(self.graph.array(name), scale, -half, half - 1)
        self.graph.update(replace_constant(self.graph, name, gridded), scale=(scale,), fmt=f"int{bits}")


def read_scale(graph: Graph, user: str, at: int = 0) -> float:
    """What one step of a matmul's operand is worth, in the width in which the matmul reads it."""
    operand = graph[user].inputs[at]
    source = graph[base(graph, operand)]
    return source.narrow_scale if reads_narrow(graph, user, operand) else source.scale[0]


def select_scales(graph: Graph) -> None:
    """A selected row of weights has the scales of its table."""
    for name in graph.topological():
        if isinstance(graph[name].op, Select):
            graph.update(name, scale=graph[graph[name].inputs[0]].scale)
