"""What every kernel of a Plan must make, computed on whole arrays: no addresses, no packing, no tiles, no order.

Values are int64 ``[images, frames, tokens, channels]`` by the names of the Plan's tensors. Scales come from the
quantized Graph, arithmetic from vitaccel.reference; nothing of the image or of the interpreter is used.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from tests.backends.interpreter.plain_experts import plain_experts
from tests.backends.interpreter.plain_scales import Scales
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import ACTIVATIONS, Activation, Add, AttentionLogits, Concat, Const, Conv2d, Linear, Mean, TokenMix
from vitaccel.ir.plan import AttentionKernel, LaneKernel, MatMulKernel, MoeKernel, Plan
from vitaccel.ir.views import base
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.elementwise import AddScaled, Multiply
from vitaccel.reference.layernorm import LayerNorm
from vitaccel.reference.requantize import ChannelRequantize, Requantize
from vitaccel.reference.softmax import OnlineSoftmax

Values = dict[str, np.ndarray]

PROBABILITY = 2.0**-16


def requantize(acc: np.ndarray, steps: np.ndarray | float, biases: np.ndarray | int, bits: int) -> np.ndarray:
    """Accumulators whose steps are worth so many output steps, with a bias, as codes."""
    n = acc.shape[-1]
    reals, offsets = np.broadcast_to(steps, n).tolist(), np.broadcast_to(biases, n).tolist()
    return ChannelRequantize.from_scales(reals, offsets, bits).compute(torch.from_numpy(acc.copy())).numpy()


def saturate(values: np.ndarray, bits: int) -> np.ndarray:
    return np.clip(values, -(1 << bits - 1), (1 << bits - 1) - 1)


class Plain:
    """Every value of a Plan for some images.

    Parameters
    ----------
    graph, plan
        Compiled and quantized.
    images
        Float arrays of the inputs, ``[runs * batch, ...]``.
    choices
        The task of each integer input.
    """

    def __init__(
        self, graph: Graph, plan: Plan, images: Mapping[str, np.ndarray], choices: Mapping[str, int] | None = None
    ) -> None:
        self.graph, self.plan, self.images = graph, plan, images
        self.scales = Scales(graph, plan, choices or {})
        self.numerics = plan.arch.numerics
        self.values: Values = {}
        self.choices: Values = {}
        for kernel in plan.kernels:
            if isinstance(kernel, MatMulKernel):
                self.values[kernel.out] = self.matmul(kernel)
            elif isinstance(kernel, AttentionKernel):
                self.values[kernel.out] = self.attention(kernel)
            elif isinstance(kernel, MoeKernel):
                self.values[kernel.out], chosen = plain_experts(self.scales, kernel, self.values)
                self.choices[kernel.label] = chosen
            else:
                assert isinstance(kernel, LaneKernel)
                self.values[kernel.out] = self.lane(kernel)

    def bits(self, tensor: str) -> int:
        return 8 * self.plan.tensors[tensor].element_bytes

    def operand(self, name: str, tokens: int = 0) -> np.ndarray:
        """A tensor, or its first tokens."""
        if name not in self.values:
            tensor = self.plan.tensors[name]
            value = name.split(".i8.")[0].split(".i16.")[0]
            shape = (-1, tensor.frames, tensor.tokens, tensor.channels)
            codes = (
                self.scales.codes(value)
                if tensor.kind == "constant"
                else self.scales.image(value, self.images, 8 * tensor.element_bytes)
            )
            self.values[name] = codes.reshape(shape)
        found = self.values[name]
        return found[:, :, :tokens] if tokens else found

    # -- matmuls -----------------------------------------------------------------------------------------------------
    def matmul(self, kernel: MatMulKernel) -> np.ndarray:
        graph, scales = self.graph, self.scales
        chain = scales.chain(kernel.node)
        tail, bits = chain[-1], self.bits(kernel.out)
        acc, step, bias = self.product(kernel)
        active = next((n for n in chain if isinstance(graph[n].op, Activation)), "")
        if active:
            before = scales.of(chain[chain.index(active) - 1], 2)
            codes = requantize(acc, step / before, bias, 8)
            op = graph[active].op
            assert isinstance(op, Activation)
            (out_scale,) = scales.of(tail, bits // 8)
            table = ActivationTable(op.kind, float(before[0]), float(out_scale), bits)
            found, behind = table.compute(torch.from_numpy(codes)).numpy(), chain[chain.index(active) + 1 :]
        else:
            # The residual joins before the only saturation; 32 bits hold what is rounded.
            found, behind = requantize(acc, step / scales.of(tail, bits // 8), bias, 32), chain[1:]
        done = kernel.node
        for name in behind:
            others = [i for i in graph[name].inputs if base(graph, i) != done]
            if isinstance(graph[name].op, Concat):
                parts = [found if base(graph, i) == done else self.row(i, found) for i in graph[name].inputs]
                found = np.concatenate(parts, 2)
            elif isinstance(graph[name].op, Add):
                constant = graph.is_const(others[0])
                found = found + (self.row(others[0]) if constant else self.operand(kernel.residual, kernel.tokens))
            done = name
        return saturate(found, bits)

    def row(self, name: str, like: np.ndarray | None = None) -> np.ndarray:
        codes = self.scales.codes(name)
        rows = codes.reshape(1, 1, -1, codes.shape[-1])
        return rows if like is None else np.broadcast_to(rows, (*like.shape[:2], *rows.shape[2:]))

    def product(self, kernel: MatMulKernel) -> tuple[np.ndarray, np.ndarray, np.ndarray | int]:
        """Accumulators, what a step of each column is worth, and biases in these steps."""
        graph, scales = self.graph, self.scales
        node = graph[kernel.node]
        if isinstance(node.op, Conv2d | Linear):
            weights, of_weights = scales.codes(node.inputs[1]), scales.of_constant(node.inputs[1])
            step = scales.of(node.inputs[0], 1) * of_weights
            bias = scales.bias(node.inputs[2], step) if len(node.inputs) > 2 else 0
            if isinstance(node.op, Linear):
                return self.operand(kernel.a, kernel.tokens) @ weights, step, bias
            return self.patches(kernel.node, weights), step, bias
        b = self.operand(kernel.b)
        of_b = scales.of(node.inputs[1 if isinstance(node.op, TokenMix | Mean) is False else 0], 1)
        if isinstance(node.op, Mean):
            return b.sum(2, keepdims=True), of_b / b.shape[2], 0
        if isinstance(node.op, TokenMix):
            return scales.codes(node.inputs[1]) @ b, of_b * scales.of_constant(node.inputs[1]), 0
        a = self.operand(kernel.a, kernel.tokens)
        # An attention averaged over heads contracts its averaged probabilities with all channels.
        of_a = scales.inner(kernel.node, 0) if kernel.op.startswith("attention") else scales.of(node.inputs[0], 1)
        return a @ b, of_a * of_b, 0

    def patches(self, root: str, weights: np.ndarray) -> np.ndarray:
        """A convolution of the input, window by window."""
        image, (top, left, bottom, right) = self.scales.image(self.graph[root].inputs[0], self.images), self.pads(root)
        padded = np.pad(image, ((0, 0), (0, 0), (0, 0), (top, bottom), (left, right)))
        op = self.graph[root].op
        assert isinstance(op, Conv2d)
        _, _, height, width = weights.shape
        rows = range(0, padded.shape[3] - height + 1, op.stride[0])
        columns = range(0, padded.shape[4] - width + 1, op.stride[1])
        windows = [padded[..., y : y + height, x : x + width] for y in rows for x in columns]
        found = [np.einsum("rfchw,nchw->rfn", window, weights) for window in windows]
        return np.stack(found, 2)

    def pads(self, root: str) -> tuple[int, int, int, int]:
        op = self.graph[root].op
        assert isinstance(op, Conv2d)
        return op.padding

    # -- attention ---------------------------------------------------------------------------------------------------
    def attention(self, kernel: AttentionKernel) -> np.ndarray:
        graph, scales = self.graph, self.scales
        softmax = OnlineSoftmax(self.numerics.logit_fraction_bits, self.numerics.numerator_bits)
        logits = self.logits(kernel) if kernel.mode == "none" else self.values[f"{graph[kernel.node].inputs[0]}.logits"]
        v = heads_of(self.operand(kernel.v), kernel.heads)
        bits = self.bits(kernel.out)
        tail = scales.chain(kernel.node)[-1]
        (of_out,) = scales.of(tail, bits // 8)
        of_v = by_head(scales.of(graph[kernel.node].inputs[1], 1), kernel.heads)
        residual = heads_of(self.operand(kernel.residual), kernel.heads) if kernel.residual else None
        results = []
        for head in range(kernel.heads):
            y, values = torch.from_numpy(logits[:, :, head].astype(np.int16)), v[:, :, head]
            add = residual[:, :, head] if residual is not None else None
            if kernel.mode == "post_softmax_T":
                acc = softmax.probabilities(y).numpy().swapaxes(-1, -2) @ values
                factor = Requantize.from_scale(float(of_v[head] * PROBABILITY / of_out), 32)
                wide = factor.compute(torch.from_numpy(acc)).numpy() if abs(acc).max() < 2**31 else exact(acc, factor)
                results.append(saturate(wide + (0 if add is None else add), bits))
                continue
            y = y if kernel.mode == "none" else y.transpose(-1, -2)
            m, total = softmax.statistics(y)
            acc = softmax.numerators(y, m).numpy() @ values
            factor = Requantize.from_scale(float(of_v[head] / of_out), 16)
            added = None if add is None else torch.from_numpy(add)
            drained = softmax.normalize(
                torch.from_numpy(acc), total, factor.multiplier, factor.shift, bits=bits, residual=added
            )
            results.append(drained.numpy())
        return np.concatenate(results, -1)

    def logits(self, kernel: AttentionKernel) -> np.ndarray:
        """Logits ``[images, frames, heads, queries, keys]``."""
        node = self.graph[self.graph[kernel.node].inputs[0]]
        assert isinstance(node.op, AttentionLogits)
        q, k = (heads_of(self.operand(name), kernel.heads) for name in (kernel.q, kernel.k))
        of_q, of_k = (by_head(self.scales.of(name, 1), kernel.heads) for name in node.inputs[:2])
        steps = of_q * of_k * node.op.scale / node.scale[0]
        acc = q @ k.swapaxes(-1, -2)
        heads = [
            Requantize.from_scale(float(steps[h]), 16).compute(torch.from_numpy(acc[:, :, h])).numpy()
            for h in range(kernel.heads)
        ]
        found = np.stack(heads, 2)
        self.values[f"{self.graph[kernel.node].inputs[0]}.logits"] = found
        if kernel.logits:
            self.values[kernel.logits] = found.transpose(0, 1, 4, 2, 3).reshape(*found.shape[:2], kernel.keys, -1)
        return found

    # -- lanes -------------------------------------------------------------------------------------------------------
    def lane(self, kernel: LaneKernel) -> np.ndarray:
        if kernel.function in ACTIVATIONS:
            return self.activation(kernel)
        return getattr(self, kernel.function)(kernel)  # type: ignore[no-any-return]

    def activation(self, kernel: LaneKernel) -> np.ndarray:
        argument, node = self.scales.inner(kernel.node, 0), self.graph[kernel.node]
        (before,), (after,) = self.scales.of(node.inputs[0], 2), self.scales.of(kernel.node, self.bits(kernel.out) // 8)
        codes = requantize(self.operand(kernel.operands[0], kernel.tokens), before / argument, 0, 8)
        table = ActivationTable(kernel.function, argument, float(after), self.bits(kernel.out))
        return table.compute(torch.from_numpy(codes)).numpy()

    def layernorm(self, kernel: LaneKernel) -> np.ndarray:
        node, bits = self.graph[kernel.node], self.bits(kernel.out)
        gamma, beta = (self.scales.array(name).astype(np.float64).tolist() for name in node.inputs[1:])
        (before,) = self.scales.of(node.inputs[0], 2)
        after = np.broadcast_to(self.scales.of(kernel.node, bits // 8), len(gamma)).tolist()
        eps = node.op.eps  # type: ignore[attr-defined]
        spec = LayerNorm.from_affine(gamma, beta, in_scale=float(before), out_scale=after, eps=eps, bits=bits)
        return spec.compute(torch.from_numpy(self.operand(kernel.operands[0], kernel.tokens))).numpy()

    def convert(self, kernel: LaneKernel) -> np.ndarray:
        source = kernel.node if kernel.op == "convert" else self.graph[kernel.node].inputs[0]
        steps = self.scales.of(source, 2) / self.scales.of(kernel.node, self.bits(kernel.out) // 8)
        return requantize(self.seen(kernel), steps, 0, self.bits(kernel.out))

    def copy(self, kernel: LaneKernel) -> np.ndarray:
        return self.seen(kernel)

    def seen(self, kernel: LaneKernel) -> np.ndarray:
        """The operand as a slice or a broadcast sees it."""
        found, op = self.operand(kernel.operands[0]), self.graph[kernel.node].op
        if kernel.op == "slice":
            found = found[:, :, op.start : op.stop]  # type: ignore[attr-defined]
        return np.broadcast_to(found, (found.shape[0], kernel.frames, kernel.tokens, kernel.channels))

    def join_tokens(self, kernel: LaneKernel) -> np.ndarray:
        return np.concatenate(self.joined(kernel), 2)

    def join_channels(self, kernel: LaneKernel) -> np.ndarray:
        return np.concatenate(self.joined(kernel), 3)

    def joined(self, kernel: LaneKernel) -> list[np.ndarray]:
        parts = [self.operand(name) for name in kernel.operands]
        images = max(len(part) for part in parts)
        return [np.broadcast_to(part, (images, kernel.frames, *part.shape[2:])) for part in parts]

    def add(self, kernel: LaneKernel) -> np.ndarray:
        return self.elementwise(kernel, product=False)

    def mul(self, kernel: LaneKernel) -> np.ndarray:
        return self.elementwise(kernel, product=True)

    def elementwise(self, kernel: LaneKernel, *, product: bool) -> np.ndarray:
        node, bits = self.graph[kernel.node], self.bits(kernel.out)
        after = self.scales.of(kernel.node, bits // 8)
        if len(kernel.operands) == 1:
            (constant,) = (i for i in node.inputs if isinstance(self.graph[i].op, Const))
            (other,) = (i for i in node.inputs if i != constant)
            before, numbers = self.scales.of(other, 2), self.scales.array(constant).astype(np.float64).reshape(-1)
            x = self.operand(kernel.operands[0], kernel.tokens)
            if product:
                return requantize(x, before * numbers / after, 0, bits)
            return requantize(x, before / after, np.floor(numbers / before + 0.5).astype(np.int64), bits)
        a, b = (torch.from_numpy(np.array(self.operand(name, kernel.tokens))) for name in kernel.operands)
        of_a, of_b = (float(self.scales.of(name, 2)[0]) for name in node.inputs)
        kind = Multiply if product else AddScaled
        return kind.from_scale(of_a, of_b, float(after[0]), bits).compute(a, b).numpy()

    def head_mean(self, kernel: LaneKernel) -> np.ndarray:
        logits = self.values[f"{self.graph[kernel.node].inputs[0]}.logits"]
        softmax = OnlineSoftmax(self.numerics.logit_fraction_bits, self.numerics.numerator_bits)
        probabilities = softmax.probabilities(torch.from_numpy(logits.astype(np.int16))).numpy().sum(2)
        step = PROBABILITY / logits.shape[2] / self.scales.inner(kernel.node, 0)
        return requantize(probabilities, step, 0, 8).swapaxes(-1, -2)


def exact(acc: np.ndarray, factor: Requantize) -> np.ndarray:
    """``round_shift`` of accumulators of more than 32 bits, in Python's integers."""
    half = 1 << factor.shift - 1 if factor.shift else 0
    rounded = (acc.astype(object) * factor.multiplier + half) >> factor.shift
    return np.asarray(rounded, np.int64)


def heads_of(x: np.ndarray, heads: int) -> np.ndarray:
    """``[..., tokens, heads * d]`` as ``[..., heads, tokens, d]``."""
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-2, -3)


def by_head(scales: np.ndarray, heads: int) -> np.ndarray:
    return np.broadcast_to(scales, heads) if scales.size == 1 else scales.reshape(heads, -1)[:, 0]
