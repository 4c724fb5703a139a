"""Where quantization errors enter: the float network and the rounded one side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitaccel.backends.float_graph.moe import route
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Moe
from vitaccel.quantization.calibration import batch_size, batches, check_calibration, image_count
from vitaccel.quantization.grid import decibel
from vitaccel.quantization.meaning import FloatMeaning, QuantizedMeaning, walk
from vitaccel.quantization.observe import by_channel
from vitaccel.quantization.record import QuantizationRecord
from vitaccel.quantization.smoothing import Site, observed_by


@dataclass(frozen=True)
class LayerError:
    """Signal to quantization noise of one value on all images, in decibels of its power in float."""

    value: str
    label: str
    op: str
    sqnr_db: float


@dataclass(frozen=True)
class RoutingAgreement:
    """Share of tokens whose k experts are the same set in both networks."""

    value: str
    label: str
    agreement: float


@dataclass(frozen=True)
class Comparison:
    """What rounding changes.

    Parameters
    ----------
    images
        Images compared.
    sqnr_db
        Of the first output.
    agreement
        Share of the first output's rows (images; pixels of a map) whose largest channel is the same.
    layers
        Every value that is rounded, in order.
    routing
        Every layer of experts.
    outputs
        The first output of both networks, float and rounded, image after image.
    """

    images: int
    sqnr_db: float
    agreement: float
    layers: tuple[LayerError, ...]
    routing: tuple[RoutingAgreement, ...]
    outputs: tuple[np.ndarray, np.ndarray]


def compare(
    reference: Graph, quantized: Graph, record: QuantizationRecord, images: Mapping[str, np.ndarray]
) -> Comparison:
    """Run both networks on images and measure every value.

    Parameters
    ----------
    reference
        The Graph that was quantized.
    quantized, record
        From :func:`vitaccel.quantization.quantize`.
    images
        As for calibration: one array an input, any number of images.
    """
    fed = check_calibration(reference, images)
    pair = _Pair(reference, quantized, record)
    count, size = image_count(fed), batch_size(reference)
    for at, feeds in enumerate(batches(reference, fed)):
        pair.run(feeds, min(size, count - at * size))
    return pair.result(count)


class _Pair:
    """Sums over images of both networks' values."""

    def __init__(self, reference: Graph, quantized: Graph, record: QuantizationRecord) -> None:
        self.reference = reference.canonical()
        self.graph = quantized
        self.exact = FloatMeaning(self.reference)
        self.rounded = QuantizedMeaning(quantized)
        self.factors = _factors(quantized, record)
        self.wanted = [
            name for name, plan in self.rounded.plans.items() if plan.rounded and not _is_input(quantized, name)
        ]
        self.routers = quantized.find(lambda node: isinstance(node.op, Moe))
        self.power = dict.fromkeys(self.wanted, (0.0, 0.0))
        self.same: dict[str, list[bool]] = {name: [] for name in self.routers}
        self.outputs: tuple[list[Tensor], list[Tensor]] = ([], [])

    def run(self, feeds: Mapping[str, np.ndarray], images: int) -> None:
        keep = {*self.wanted, *(self.graph[name].inputs[1] for name in self.routers)}
        truth: dict[str, Tensor] = {}

        def hold(name: str, value: Tensor) -> None:
            if name in keep:
                truth[name] = value

        found: dict[str, Tensor] = {}

        def measure(name: str, value: Tensor) -> None:
            if name in self.power:
                self._measure(name, truth[name], value)
            if name in keep:
                found[name] = value if name in routed else value[:0]

        routed = {self.graph[name].inputs[1] for name in self.routers}
        expected = walk(self.exact, feeds, hold)
        outputs = walk(self.rounded, feeds, measure)
        for name in self.routers:
            logits = self.graph[name].inputs[1]
            self.same[name] += self._same_experts(name, truth[logits], found[logits])
        self.outputs[0].append(expected[self.reference.outputs[0]][:images])
        self.outputs[1].append(outputs[self.graph.outputs[0]][:images])

    def _measure(self, name: str, truth: Tensor, value: Tensor) -> None:
        if name in self.factors:
            factors = torch.from_numpy(self.factors[name])
            value = value * (factors[:, None, None] if value.dim() == 4 else factors)
        error = (value - truth).double().square().sum()
        signal, noise = self.power[name]
        self.power[name] = (signal + float(truth.double().square().sum()), noise + float(error))

    def _same_experts(self, name: str, truth: Tensor, found: Tensor) -> list[bool]:
        op = self.graph[name].op
        assert isinstance(op, Moe)
        chosen = [route(op, logits.reshape(-1, op.experts)).experts.sort(1).values for logits in (truth, found)]
        same: list[bool] = (chosen[0] == chosen[1]).all(1).tolist()
        return same

    def result(self, images: int) -> Comparison:
        truth, found = (torch.cat(parts) for parts in self.outputs)
        top = [by_channel(value).argmax(1) for value in (truth, found)]
        signal = float(truth.double().square().sum())
        noise = float((found - truth).double().square().sum())
        return Comparison(
            images=images,
            sqnr_db=decibel(signal, noise),
            agreement=float((top[0] == top[1]).double().mean()),
            layers=tuple(
                LayerError(name, self.graph[name].label, self.graph[name].op.name, decibel(*self.power[name]))
                for name in self.wanted
            ),
            routing=tuple(
                RoutingAgreement(name, self.graph[name].label, float(np.mean(self.same[name]))) for name in self.routers
            ),
            outputs=(truth.numpy(), found.numpy()),
        )


def _is_input(graph: Graph, name: str) -> bool:
    return isinstance(graph[name].op, Input)


def _factors(graph: Graph, record: QuantizationRecord) -> dict[str, np.ndarray]:
    """What channels of values must be multiplied with to mean what they meant before smoothing."""
    found: dict[str, np.ndarray] = {}
    for choice in record.smoothing:
        factors = np.asarray(choice.factors, np.float32)
        site = Site(choice.kind, choice.value, observed_by(graph, choice.kind, choice.value))
        for value in site.divided(graph):
            found[value] = found[value] * factors if value in found else factors
    return found
