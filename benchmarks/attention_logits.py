"""Attention logits recorded from a network, for ``vitaccel numerics --logits``.

``python benchmarks/attention_logits.py vit-digits logits.npz`` records those of a trained model of the zoo on the first
handwritten digits of its test images; ``... model.onnx logits.npz --images images.npy`` those of any ONNX model with
one input. One array ``[images, heads, queries, keys]`` for each attention, by the name of its layer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from vitaccel import zoo
from vitaccel.backends.float_graph import evaluate
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import AttentionLogits
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.zoo.digits import load_split

IMAGES = 16
"""Images taken of what there is."""


def recorded(graph: Graph, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the logits of every attention, with its scale applied, over all *images*, one image after another."""
    (name,) = graph.inputs
    labelled = Label().run(Fuse().run(Canonicalize().run(graph)))
    nodes = [node for node in labelled.topological() if isinstance(labelled[node].op, AttentionLogits)]
    layers = {node: labelled[node].label or labelled[labelled[node].kernel].label for node in nodes}
    runs = [evaluate(labelled, {name: image[None]}, taps=layers)[1] for image in images]
    return {label: np.concatenate([run[node] for run in runs]) for node, label in layers.items()}


def digits_model(name: str) -> Graph:
    """Return the Graph of a zoo model with its trained weights, for one image."""
    with TemporaryDirectory() as folder:
        path = zoo.export(name, Path(folder) / "model.onnx", exporter="legacy")
        return import_model(path).graph


def summary(layers: dict[str, NDArray[np.float32]]) -> Iterable[str]:
    """Yield a line for each array: its shape, largest magnitude and deviation."""
    for name, logits in layers.items():
        shape = "x".join(map(str, logits.shape))
        yield f"{name:32} {shape:>16}  largest {np.abs(logits).max():6.2f}  deviation {logits.std():5.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a -digits model of the zoo, or an ONNX file")
    parser.add_argument("output", type=Path, help="the .npz to write")
    parser.add_argument("--images", type=Path, help="inputs of an ONNX file, [images, ...]")
    parser.add_argument("--count", type=int, default=IMAGES, help=f"images taken (default {IMAGES})")
    flags = parser.parse_args()
    graph = import_model(Path(flags.model)).graph if flags.images else digits_model(flags.model)
    images = np.load(flags.images) if flags.images else load_split("test").images
    layers = recorded(graph, images[: flags.count])
    np.savez(flags.output, **layers)
    print("\n".join(summary(layers)))


if __name__ == "__main__":
    main()
