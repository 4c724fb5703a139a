"""A model's inputs as integers, laid out as its Program reads them: what a host does before it starts the machine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vitaccel.backends.image.model import Model
from vitaccel.backends.image.positions import own_tokens
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Conv2d, FromTokens, Input, Reshape, ToTokens, Transpose
from vitaccel.ir.plan import PATCHES, MatMulKernel, Plan


def input_integers(graph: Graph, plan: Plan, images: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Quantize inputs and lay them out.

    Parameters
    ----------
    graph, plan
        The compiled, quantized Graph and its Plan.
    images
        For every float input ``[images, ...]``: arrays of the shape of the input for a batch of one, or of its frames.

    Returns
    -------
    dict of arrays
        Integers ``[runs, frames, tokens, channels]`` of every input tensor of the Plan.
    """
    model = Model(graph, plan, {})
    return {name: _laid_out(model, name, images) for name in plan.inputs}


def _laid_out(model: Model, name: str, images: Mapping[str, np.ndarray]) -> np.ndarray:
    tensor = model.plan.tensors[name]
    value = name.removesuffix(PATCHES).split(".i8.")[0].split(".i16.")[0]
    source = value
    views = []
    while not isinstance(model.graph[source].op, Input):
        views.append(source)
        source = model.graph[source].inputs[0]
    codes = quantize_input(model, source, value, images[source], 8 * tensor.element_bytes)
    for view in reversed(views):
        codes = _viewed(model, view, codes)
    if name.endswith(PATCHES):
        return _patches(model, name, codes)
    return codes.reshape(len(codes), tensor.frames, tensor.tokens, tensor.channels)


def quantize_input(model: Model, source: str, value: str, array: np.ndarray, bits: int) -> np.ndarray:
    """Integers ``[runs, *shape of the input]``: rounded half up to the input's steps, and saturated."""
    shape = model.graph[source].type.static_shape
    step = model.one_scale(value if model.graph[value].scale else source, bits // 8)
    limit = 1 << bits - 1
    codes = np.floor(np.asarray(array, np.float64) / step + 0.5)
    integers: np.ndarray = np.clip(codes, -limit, limit - 1).astype(np.int64)
    return integers.reshape(-1, *shape)


def _viewed(model: Model, view: str, codes: np.ndarray) -> np.ndarray:
    """A change of layout, behind a leading axis of runs."""
    op, shape = model.graph[view].op, model.graph[view].type.static_shape
    if isinstance(op, Transpose):
        return codes.transpose(0, *(axis + 1 for axis in op.perm))
    if isinstance(op, ToTokens):
        return codes.reshape(*codes.shape[:3], -1).transpose(0, 1, 3, 2)
    if isinstance(op, FromTokens):
        return codes.transpose(0, 1, 3, 2).reshape(len(codes), *shape)
    assert isinstance(op, Reshape)
    return codes.reshape(len(codes), *shape)


def _patches(model: Model, name: str, codes: np.ndarray) -> np.ndarray:
    """Windows of a patch embedding as tokens ``[runs, frames, tokens, C * kh * kw]``; joined tokens are zeros."""
    plan, graph = model.plan, model.graph
    kernel = next(k for k in plan.kernels if isinstance(k, MatMulKernel) and k.a == name)
    op, weights = graph[kernel.node].op, graph[graph[kernel.node].inputs[1]].type.static_shape
    assert isinstance(op, Conv2d)
    height, width = weights[2:]
    top, left, bottom, right = op.padding
    padded = np.pad(codes, ((0, 0), (0, 0), (0, 0), (top, bottom), (left, right)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(3, 4))
    view = view[:, :, :, :: op.stride[0], :: op.stride[1]]
    runs, frames, channels, rows, columns = view.shape[:5]
    tokens = view.transpose(0, 1, 3, 4, 2, 5, 6).reshape(runs, frames, rows * columns, channels * height * width)
    own = own_tokens(model, kernel)
    found = np.zeros((runs, frames, plan.tensors[name].tokens, tokens.shape[-1]), np.int64)
    found[:, :, own.first : own.first + own.count] = tokens
    return found
