"""Attention logits of the float network, recorded for ``vitaccel numerics --logits``."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from vitaccel.evaluation.data import EvaluationData
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import AttentionLogits
from vitaccel.quantization.calibration import batch_size, batches
from vitaccel.quantization.meaning import FloatMeaning, walk

IMAGES = 16
"""Images whose logits are recorded, of those there are."""


def record_attention_logits(graph: Graph, data: EvaluationData, *, images: int = IMAGES) -> dict[str, np.ndarray]:
    """Return the arguments of every softmax of attention: real, base e, with their scale and mask applied.

    Parameters
    ----------
    graph
        A float Graph with labels (:func:`vitaccel.compiler.prepare_graph`).
    data, images
        The first so many of these images pass through it.

    Returns
    -------
    dict of arrays
        float32 ``[images, heads, queries, keys]`` by the name of the layer, in the order of the Graph.
    """
    few = data.first(images)
    layers = {name: graph[name].label for name in graph.find(lambda node: isinstance(node.op, AttentionLogits))}
    found: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    meaning, size = FloatMeaning(graph), batch_size(graph)

    def visit(name: str, value: Tensor) -> None:
        if name in found:
            found[name].append(value.numpy()[: len(few) - size * len(found[name])].copy())

    for feeds in batches(graph, few.inputs):
        walk(meaning, feeds, visit)
    return {layers[name]: np.concatenate(parts) for name, parts in found.items()}
