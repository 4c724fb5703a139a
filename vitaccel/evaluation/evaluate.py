"""Both networks on the same images: the integer network as the machine runs it, the float network value by value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from torch import Tensor

from vitaccel.backends.float_graph.node import tensor_of
from vitaccel.evaluation.agreement import LogitSums
from vitaccel.evaluation.data import EvaluationData
from vitaccel.evaluation.gates import GateCounts, ReroutedMeaning, float_choices, layers_of_experts
from vitaccel.evaluation.noise import NoiseSums
from vitaccel.evaluation.result import Evaluation, LayerQuality, RoutingEffect
from vitaccel.evaluation.values import (
    SeenValue,
    as_tokens,
    channel_factors,
    check_same_values,
    seen_values,
    without_padding,
)
from vitaccel.execution import IntegerModel, IntegerRun
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Moe
from vitaccel.quantization.calibration import batches
from vitaccel.quantization.meaning import FloatMeaning, QuantizedMeaning, walk
from vitaccel.quantization.record import QuantizationRecord

TAP_BYTES = 1 << 28
"""Values of the integer network that are kept at a time, about; each is compared and forgotten."""

Progress = Callable[[int, int], None]
"""Called with images done and images in all."""


def evaluate_model(
    reference: Graph,
    model: IntegerModel,
    data: EvaluationData,
    *,
    name: str = "",
    record: QuantizationRecord | None = None,
    calibration: str = "",
    progress: Progress | None = None,
) -> Evaluation:
    """Run both networks on all images and compare outputs, every layer, and the choices of gates.

    The signal of a layer is its float value as the quantizer meant it: where smoothing divided a value's channels, the
    float value is divided as well, so that the integers and it mean the same.

    Parameters
    ----------
    reference
        The float network, prepared as it was for quantization (:func:`vitaccel.compiler.prepare_graph`).
    model
        The integer network made of it.
    data
        The images; with labels, both networks' accuracy is measured too.
    name
        What the model is called; the Graph's name when empty.
    record, calibration
        How and on what the model was quantized, from :func:`vitaccel.quantization.quantize`.
    progress
        Told how many images are done.

    Raises
    ------
    VerifyError
        If the two networks do not name the same values.
    ModelError
        If the images do not fit the model.
    """
    check_same_values(reference, model)
    pair = _Pair(reference, model, record)
    done = 0
    for part in _parts(model, pair.values, data):
        pair.run(part)
        done += len(part)
        if progress:
            progress(done, len(data))
    everything = pair.outputs["all"]
    return Evaluation(
        model=name or reference.name,
        data=data.name,
        images=len(data),
        float_top1=everything.float_top1,
        int_top1=everything.int_top1,
        agreement=everything.agreement,
        sqnr_db=everything.sums.sqnr_db,
        layers=pair.layers(),
        gates=tuple(counts.quality for counts in pair.gates.values()),
        routing=pair.routing(),
        numerics=model.arch.numerics,
        quantization=record.options if record else None,
        calibration=calibration,
    )


def _parts(model: IntegerModel, values: list[SeenValue], data: EvaluationData) -> Iterator[EvaluationData]:
    """Images in whole batches, as many at a time as their tapped values have room."""
    sizes = [model.graph[seen.value].type.size for seen in values]
    runs = max(1, TAP_BYTES // (8 * sum(sizes)))
    step = runs * model.batch
    for first in range(0, len(data), step):
        rows = slice(first, first + step)
        labels = None if data.labels is None else data.labels[rows]
        yield EvaluationData(data.name, {key: array[rows] for key, array in data.inputs.items()}, labels)


class _Pair:
    """Both networks, and the sums over the images they have seen."""

    def __init__(self, reference: Graph, model: IntegerModel, record: QuantizationRecord | None) -> None:
        self.reference, self.model = reference, model
        self.exact = FloatMeaning(reference)
        self.rounded = QuantizedMeaning(model.graph)
        self.rerouted = ReroutedMeaning(reference)
        self.values = seen_values(model)
        self.factors = channel_factors(model.graph, record)
        self.sums = {seen.value: NoiseSums() for seen in self.values}
        self.outputs = {group: LogitSums() for group in ("all", "same", "other", "rerouted")}
        self.experts = layers_of_experts(model.graph)
        self.gates = {name: GateCounts(label, self._op(name)) for name, label in self.experts.items()}

    def run(self, part: EvaluationData) -> None:
        """Count some images."""
        taps = [seen.value for seen in self.values if seen.op != "input"]
        found = self.model.run(part.inputs, taps=taps)
        batch = self.model.batch
        for at, feeds in enumerate(batches(self.reference, part.inputs)):
            rows = slice(at * batch, min((at + 1) * batch, len(part)))
            self._batch(feeds, found, rows, None if part.labels is None else part.labels[rows])

    def _batch(
        self, feeds: Mapping[str, np.ndarray], found: IntegerRun, rows: slice, labels: np.ndarray | None
    ) -> None:
        images = rows.stop - rows.start
        seen = {value.value: value for value in self.values}
        logits = {self.reference[name].inputs[1]: name for name in self.experts}
        chosen: dict[str, np.ndarray] = {}

        def visit(name: str, value: Tensor) -> None:
            if name in seen:
                self._measure(seen[name], value.numpy()[:images], found, rows)
            if name in logits:
                chosen[logits[name]] = float_choices(self._op(logits[name]), value)

        outputs = walk(self.exact, feeds, visit)
        truth = outputs[self.reference.outputs[0]].numpy()
        integers = found.values[0][rows]
        self.outputs["all"].add(truth[:images], integers, labels)
        if self.experts:
            self._gates(feeds, chosen, found, rows, truth)

    def _measure(self, seen: SeenValue, truth: np.ndarray, found: IntegerRun, rows: slice) -> None:
        name = seen.value
        if seen.op == "input":
            self.sums[name].add(truth, self.rounded.rounded(name, tensor_of(truth)).numpy())
            return
        tokens = as_tokens(truth) / self.factors.get(name, 1.0)
        integers, scale = found.taps[name]
        self.sums[name].add(tokens, without_padding(integers[rows], seen.heads, tokens.shape[-1]) * scale)

    def _gates(
        self,
        feeds: Mapping[str, np.ndarray],
        chosen: Mapping[str, np.ndarray],
        found: IntegerRun,
        rows: slice,
        truth: np.ndarray,
    ) -> None:
        """Count the choices of a batch; run the float network once more where the integer gates chose otherwise."""
        images = rows.stop - rows.start
        same = np.ones(images, bool)
        forced = {}
        for name, label in self.experts.items():
            integers = found.choices[label][rows].reshape(-1, self._op(name).k)
            forced[name] = chosen[name].copy()
            forced[name][: len(integers)] = integers
            agreed = self.gates[name].add(chosen[name][: len(integers)], integers)
            same &= agreed.reshape(images, -1).all(1)
        output = found.values[0][rows]
        self.outputs["same"].add(truth[:images][same], output[same])
        self.outputs["other"].add(truth[:images][~same], output[~same])
        again = truth
        if not same.all():
            self.rerouted.choices = forced
            again = walk(self.rerouted, feeds, lambda _name, _value: None)[self.reference.outputs[0]].numpy()
        self.outputs["rerouted"].add(truth[:images], again[:images])

    def _op(self, name: str) -> Moe:
        op = self.reference[name].op
        assert isinstance(op, Moe)
        return op

    # -- results -----------------------------------------------------------------------------------------------------
    def layers(self) -> tuple[LayerQuality, ...]:
        """Quality of every value."""
        found = {name: sums.sqnr_db for name, sums in self.sums.items()}
        names = {seen.value: seen.name for seen in self.values}
        layers = []
        for seen in self.values:
            worst = min(seen.reads, key=lambda name: found[name], default="")
            source = (names[worst], found[worst]) if worst else ("", float("inf"))
            layers.append(LayerQuality(seen.name, seen.op, seen.value, found[seen.value], *source))
        return tuple(layers)

    def routing(self) -> RoutingEffect | None:
        """What the gates' choices do."""
        if not self.experts:
            return None
        return RoutingEffect(*(self.outputs[group].group for group in ("same", "other", "rerouted")))
