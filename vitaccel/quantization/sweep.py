"""Float and quantized network side by side, layer by layer, over a few images: each layer is rounded for what it meets.

When a layer's turn comes, everything before it is rounded already; so its weights are rounded for its true inputs, and
the mean error taken out of its bias includes what came in from before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Moe, Select
from vitaccel.quantization.calibration import batch_size, batches
from vitaccel.quantization.experts import visits
from vitaccel.quantization.layers import Layers
from vitaccel.quantization.meaning import FloatMeaning, QuantizedMeaning
from vitaccel.quantization.options import QuantizationOptions

MEMORY_BYTES = 1 << 30
"""Live values of both networks at most, for which images are left out."""


def round_layers(
    reference: Graph,
    graph: Graph,
    calibration: Mapping[str, np.ndarray],
    options: QuantizationOptions,
    progress: Callable[[str], None],
) -> tuple[Layers, int]:
    """Round all weights and biases of a Graph whose values have scales.

    Parameters
    ----------
    reference
        The same Graph in float; values have the same names.
    graph
        Changed in place.
    calibration
        Checked images.

    Returns
    -------
    Layers
        With what was chosen.
    int
        Images that passed through.
    """
    layers = Layers(graph, options)
    if not (options.bias_correction or options.compensated):
        for name in [n for n in graph.topological() if n in graph and layers.has_weights(n)]:
            layers.round_experts(name, []) if isinstance(graph[name].op, Moe) else layers.round_layer(name, [])
        return layers, 0
    limit = sweep_images(reference, options)
    feeds = list(batches(reference, calibration, limit=limit))
    _Sweep(reference, graph, layers, feeds, progress).run()
    return layers, min(len(next(iter(calibration.values()))), limit)


def sweep_images(graph: Graph, options: QuantizationOptions) -> int:
    """Images that fit into :data:`MEMORY_BYTES`: at least one batch, at most ``options.correction_images``."""
    size = batch_size(graph)
    runs = max(1, MEMORY_BYTES // max(1, 2 * peak_bytes(graph)))
    return max(size, min(options.correction_images, runs * size))


def peak_bytes(graph: Graph) -> int:
    """Most bytes of float32 values alive at once while one batch runs, constants not counted."""
    order = [name for name in graph.topological() if not isinstance(graph[name].op, Const)]
    readers = Counter(operand for name in order for operand in graph[name].inputs) + Counter(graph.outputs)
    alive: dict[str, int] = {}
    peak = 0
    for name in order:
        alive[name] = 4 * prod(graph[name].type.static_shape)
        peak = max(peak, sum(alive.values()))
        readers.subtract(graph[name].inputs)
        for operand in set(graph[name].inputs):
            if not readers[operand]:
                alive.pop(operand, None)
    return peak


class _Sweep:
    """The two networks, with the values of all batches that are still to be read."""

    def __init__(
        self,
        reference: Graph,
        graph: Graph,
        layers: Layers,
        feeds: list[dict[str, np.ndarray]],
        progress: Callable[[str], None],
    ) -> None:
        self.graph = graph
        self.layers = layers
        self.feeds = feeds
        self.progress = progress
        self.exact = FloatMeaning(reference)
        self.rounded = QuantizedMeaning(graph)
        self.exact_values: dict[str, list[Tensor]] = {}
        self.rounded_values: dict[str, list[Tensor]] = {}

    def run(self) -> None:
        reference = self.exact.graph
        order = [name for name in reference.topological() if not reference.is_const(name)]
        readers = Counter(i for name in order for i in reference[name].inputs) + Counter(reference.outputs)
        weighty = [name for name in order if self.layers.has_weights(name)]
        for name in order:
            if name in weighty:
                label = reference[name].label or name
                self.progress(f"rounding: layer {weighty.index(name) + 1} of {len(weighty)}, {label}")
            self._node(name)
            operands = reference[name].inputs
            readers.subtract(operands)
            for operand in set(operands):
                # An index is read again when the table it selects from has been rounded.
                if not readers[operand] and reference[operand].type.element == "f32":
                    self.exact_values.pop(operand, None)
                    self.rounded_values.pop(operand, None)

    def _node(self, name: str) -> None:
        truth = [
            self.exact.exact(name, feed, self._operands(self.exact, self.exact_values, name, at))
            for at, feed in enumerate(self.feeds)
        ]
        if self.layers.has_weights(name):
            self._round(name)
        found = self._run(name)
        if self.layers.has_weights(name) and not isinstance(self.graph[name].op, Moe):
            self.layers.correct_bias(name, [t - f for t, f in zip(truth, found, strict=True)])
            found = self._run(name)
        self.exact_values[name] = truth
        self.rounded_values[name] = [self.rounded.rounded(name, value) for value in found]

    def _run(self, name: str) -> list[Tensor]:
        return [self.rounded.exact(name, feed, self._read(name, at)) for at, feed in enumerate(self.feeds)]

    def _read(self, name: str, at: int) -> list[Tensor]:
        return self.rounded.read(name, self._operands(self.rounded, self.rounded_values, name, at))

    @staticmethod
    def _operands(meaning: FloatMeaning, values: Mapping[str, list[Tensor]], name: str, at: int) -> list[Tensor]:
        graph = meaning.graph
        return [
            meaning.constant(operand) if graph.is_const(operand) else values[operand][at]
            for operand in graph[name].inputs
        ]

    def _round(self, name: str) -> None:
        """Round the layer's constants for what it reads."""
        op = self.graph[name].op
        reads = [self._read(name, at) for at in range(len(self.feeds))]
        if isinstance(op, Moe):
            found: list[list[Tensor]] = [[] for _ in range(op.experts)]
            for x, logits, *_ in reads:
                for visit in visits(op, logits):
                    found[visit.expert].append(x.reshape(-1, x.shape[-1])[visit.tokens])
            width = reads[0][0].shape[-1]
            self.layers.round_experts(name, [torch.cat([torch.zeros(0, width), *rows]) for rows in found])
            return
        self.layers.round_layer(name, [operands[0] for operands in reads])
        for operand in self.graph[name].inputs[1:]:
            if isinstance(self.graph[operand].op, Select):
                # The row was selected before its table was rounded.
                self.rounded_values[operand] = self._run(operand)
