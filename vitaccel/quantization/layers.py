"""Weights and biases of each layer, rounded for the inputs that the layer meets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Conv2d, Linear, Moe, Select
from vitaccel.ir.views import base
from vitaccel.quantization.compensation import Compensation
from vitaccel.quantization.grid import signal_to_noise_db, to_grid
from vitaccel.quantization.meaning import fake_quantize
from vitaccel.quantization.observe import by_channel
from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.readers import replace_constant
from vitaccel.quantization.record import BiasChoice, WeightChoice
from vitaccel.quantization.scales import read_scale
from vitaccel.quantization.weights import bias_floor, column_scales, nearest

WINDOW_ROWS = 4096
"""Windows of one convolution's batch at most that count for its second moments."""

INT32 = 2**31 - 1


@dataclass
class Rounded:
    """A weight matrix on its grid: ``values`` float32 [K, N] and the scale of each column."""

    values: np.ndarray
    scales: np.ndarray
    rounding: str


class Layers:
    """Rounds the weights and biases of a Graph whose values have scales.

    Parameters
    ----------
    graph
        The Graph, changed in place.
    options
        How to round.
    """

    def __init__(self, graph: Graph, options: QuantizationOptions) -> None:
        self.graph = graph
        self.options = options
        self.weights: list[WeightChoice] = []
        self.biases: list[BiasChoice] = []
        self._shared: tuple[str, Compensation] | None = None

    def has_weights(self, name: str) -> bool:
        """Whether a node is a layer with weights to round."""
        return isinstance(self.graph[name].op, Linear | Conv2d | Moe)

    # -- linear layers and convolutions ------------------------------------------------------------------------------
    def round_layer(self, name: str, inputs: Sequence[Tensor]) -> None:
        """Round weight and bias of a linear layer or convolution.

        Parameters
        ----------
        name
            The layer.
        inputs
            What it reads, batch by batch, in float on the grid; nothing when no images pass through the network.
        """
        weight, is_image = self._weight(name), isinstance(self.graph[name].op, Conv2d)
        array = self.graph.array(weight)
        shape = array.shape
        # A table of task gates [T, K, N] is rounded with one scale for a column of all tasks.
        matrix = array.reshape(shape[0], -1).T if is_image else array.reshape(-1, shape[-1])
        rows = [] if array.ndim == 3 else [self._rows(name, value) for value in inputs]
        step = read_scale(self.graph, name)
        bias = self._bias(name)
        floor = None
        if bias:
            floor = bias_floor(np.abs(self.graph.array(bias)).reshape(-1, matrix.shape[1]).max(0), step)
        found = self._round(matrix, [r for r in rows if r is not None], floor, self._key(name))
        values = found.values.T.reshape(shape) if is_image else found.values.reshape(shape)
        self._put_weight(name, 1, weight, values, found.scales, found.rounding)
        if bias:
            self._put_bias(bias, self.graph.array(bias), step * found.scales)

    def _weight(self, name: str) -> str:
        weight = self.graph[name].inputs[1]
        return self.graph[weight].inputs[0] if isinstance(self.graph[weight].op, Select) else weight

    def _bias(self, name: str) -> str:
        if len(self.graph[name].inputs) < 3:
            return ""
        bias = self.graph[name].inputs[2]
        return self.graph[bias].inputs[0] if isinstance(self.graph[bias].op, Select) else bias

    def _key(self, name: str) -> str:
        return "" if isinstance(self.graph[name].op, Conv2d) else base(self.graph, self.graph[name].inputs[0])

    def _rows(self, name: str, value: Tensor) -> Tensor | None:
        """The input as rows [n, K] that meet the weight matrix; nothing for convolutions in groups."""
        op = self.graph[name].op
        if isinstance(op, Linear):
            return by_channel(value)
        assert isinstance(op, Conv2d)
        if op.groups > 1:
            return None
        kernel = self.graph[self._weight(name)].type.static_shape[2:]
        top, left, bottom, right = op.padding
        padded = F.pad(value, (left, right, top, bottom))
        windows = F.unfold(padded, kernel, op.dilation, 0, op.stride).mT.flatten(0, 1)
        every = -(-len(windows) // WINDOW_ROWS)
        return windows[::every]

    def _round(self, matrix: np.ndarray, rows: list[Tensor], floor: np.ndarray | None, key: str) -> Rounded:
        bits = self.options.weight_bits
        total = sum(len(r) for r in rows)
        power = None
        if total:
            power = sum(r.square().sum(0).double() for r in rows).numpy() / total  # type: ignore[union-attr]
        scales = column_scales(matrix, bits, power=power, floor=floor)
        if not (self.options.compensated and total):
            return Rounded(_float32(nearest(matrix, scales, bits) * scales), scales, "nearest")
        integers = self._compensation(rows, key).round(matrix, scales, bits)
        return Rounded(_float32(integers * scales), scales, "compensated")

    def _compensation(self, rows: list[Tensor], key: str) -> Compensation:
        """Queries, keys and values read one input: its second moments are factored once."""
        if key and self._shared and self._shared[0] == key:
            return self._shared[1]
        moments = sum((r.T @ r for r in rows[1:]), rows[0].T @ rows[0])
        made = Compensation(moments, self.options.damping)
        self._shared = (key, made)
        return made

    # -- experts -----------------------------------------------------------------------------------------------------
    def round_experts(self, name: str, rows: Sequence[Tensor]) -> None:
        """Round the weights and biases of all experts.

        Parameters
        ----------
        name
            The layer of experts.
        rows
            What each expert reads on the calibration images, [n, D]; or nothing at all.
        """
        node = self.graph[name]
        op = node.op
        assert isinstance(op, Moe)
        w1, b1, w2, b2 = (self.graph.array(operand).astype(np.float32) for operand in node.inputs[2:])
        pre, hidden_step = node.inner_scale[:2]
        step = read_scale(self.graph, name)
        first, second, shifts = [], [], [np.zeros_like(b1), np.zeros_like(b2)]
        for expert in range(op.experts):
            seen = [rows[expert]] if rows and len(rows[expert]) else []
            first.append(self._round(w1[expert], seen, bias_floor(b1[expert], step), ""))
            hidden, truth = [], []
            if seen:
                x, act = seen[0], ACTIVATION[op.activation]
                exact = x @ torch.from_numpy(w1[expert])
                product = x @ torch.from_numpy(first[-1].values)
                shifts[0][expert] = self._shift(exact - product)
                bias = torch.from_numpy(b1[expert] + shifts[0][expert])
                rounded = fake_quantize(product + bias, torch.tensor(pre), 8)
                hidden = [fake_quantize(act(rounded), torch.tensor(hidden_step), 8)]
                truth = [act(exact + torch.from_numpy(b1[expert])) @ torch.from_numpy(w2[expert])]
            second.append(self._round(w2[expert], hidden, bias_floor(b2[expert], hidden_step), ""))
            if seen:
                shifts[1][expert] = self._shift(truth[0] - hidden[0] @ torch.from_numpy(second[-1].values))
        for at, found, bias_array, unit in ((0, first, b1, step), (1, second, b2, hidden_step)):
            scales = np.stack([each.scales for each in found])
            rounding = "compensated" if any(each.rounding == "compensated" for each in found) else "nearest"
            place = 2 + 2 * at
            values = np.stack([each.values for each in found])
            self._put_weight(name, place, node.inputs[place], values, scales, rounding)
            self._note_bias(name, place + 1, shifts[at], added=False)
            self._put_bias(node.inputs[place + 1], bias_array + shifts[at], unit * scales)

    # -- biases ------------------------------------------------------------------------------------------------------
    def correct_bias(self, name: str, errors: Sequence[Tensor]) -> None:
        """Add the mean of ``exact - rounded`` to the bias of a layer, as far as it is more than chance.

        A layer without a bias gets one; a bias that a task selects stays as it is.
        """
        node = self.graph[name]
        selected = any(isinstance(self.graph[i].op, Select) for i in node.inputs[1:])
        if not self.options.bias_correction or selected:
            return
        shift = self._shift(torch.cat([by_channel(error) for error in errors]))
        if not shift.any():
            return
        weight = self.graph[node.inputs[1]]
        unit = read_scale(self.graph, name) * np.asarray(weight.scale)
        added = len(node.inputs) < 3
        if added:
            sources = self.graph[node.inputs[1]].sources
            fresh = self.graph.add_const(np.zeros(len(shift), np.float32), parameter=False, sources=sources)
            self.graph.update(name, inputs=(*node.inputs, fresh))
        bias = self.graph[name].inputs[2]
        self._note_bias(name, 0, shift, added=added)
        self._put_bias(bias, self.graph.array(bias) + shift, unit)

    def _shift(self, errors: Tensor) -> np.ndarray:
        """Mean error of each column, shrunk towards zero by its own variance (the positive part of James and Stein).

        A mean of n errors is chance by ``variance / n``: a classifier that sees one row an image keeps its bias, unless
        the images agree.
        """
        count = len(errors)
        if not self.options.bias_correction or count < 2:
            return np.zeros(errors.shape[1], np.float32)
        wide = errors.double()
        mean, variance = wide.mean(0), wide.var(0)
        share = (1 - variance / (count * mean.square()).clamp(min=1e-300)).clamp(min=0)
        return _float32((mean * share).numpy())

    def _note_bias(self, name: str, place: int, shift: np.ndarray, *, added: bool) -> None:
        if shift.any():
            rms, top = float(np.sqrt(np.square(shift).mean())), float(np.abs(shift).max())
            self.biases.append(BiasChoice(name, self.graph[name].label, _operand(place), rms, top, added))

    def _put_bias(self, bias: str, array: np.ndarray, scales: np.ndarray) -> None:
        steps = np.asarray(scales, np.float32)
        # The smallest bias step must stay a number.
        steps = np.maximum(steps, np.float32(1e-37))
        gridded = to_grid(array, steps, -INT32, INT32)
        fresh = replace_constant(self.graph, bias, gridded)
        self.graph.update(fresh, scale=tuple(steps.reshape(-1).tolist()), fmt="int32")

    def _put_weight(
        self, name: str, place: int, weight: str, values: np.ndarray, scales: np.ndarray, rounding: str
    ) -> None:
        sqnr = signal_to_noise_db(self.graph.array(weight), values)
        fresh = replace_constant(self.graph, weight, np.ascontiguousarray(values))
        bits = self.options.weight_bits
        self.graph.update(fresh, scale=tuple(scales.reshape(-1).tolist()), fmt=f"int{bits}")
        label, smallest, widest = self.graph[name].label, float(scales.min()), float(scales.max())
        self.weights.append(WeightChoice(name, label, _operand(place), bits, rounding, smallest, widest, sqnr))


def _operand(place: int) -> str:
    return {0: "bias", 1: "weight", 2: "w1", 3: "b1", 4: "w2", 5: "b2"}[place]


def _float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)
