"""Images to evaluate on: a user's arrays with or without labels, the handwritten digits, or seeded random numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vitaccel.errors import ModelError, did_you_mean
from vitaccel.ir.graph import Graph
from vitaccel.quantization.calibration import image_inputs
from vitaccel.quantization.synthetic import synthetic_images

LABELS = "labels"
"""Name of the array of labels in a file."""

IMAGES = "images"
"""Name that the images of the only image input may have in a file, whatever the input is called."""


@dataclass(frozen=True)
class EvaluationData:
    """Images for a model.

    Parameters
    ----------
    name
        What they are.
    inputs
        For every input of the model its float32 images along the first axis; for an index one int64 for each image.
    labels
        Class of each image, int64 ``[images]``, or ``None``.
    """

    name: str
    inputs: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def first(self, images: int) -> EvaluationData:
        """The first images, all of them when there are no more.

        Raises
        ------
        ModelError
            If less than one is asked for.
        """
        if images < 1:
            raise ModelError(f"images to evaluate must be at least 1, not {images}")
        labels = None if self.labels is None else self.labels[:images]
        return replace(self, inputs={name: array[:images] for name, array in self.inputs.items()}, labels=labels)


def data_of(graph: Graph, arrays: Mapping[str, np.ndarray], name: str) -> EvaluationData:
    """Check arrays against a model's inputs.

    Parameters
    ----------
    graph
        The model; the first axis of an image input is its batch.
    arrays
        Images by input name, or under :data:`IMAGES` for the only image input; :data:`LABELS`, if there are any. An
        index is given once, or for each image, or left out and 0.
    name
        What the data are called.

    Raises
    ------
    ModelError
        If an array is missing, belongs to nothing, has a wrong shape or type, is not finite, or the numbers differ.
    """
    given = dict(arrays)
    labels = given.pop(LABELS, None) if LABELS not in graph.inputs else None
    images = image_inputs(graph)
    if not images:
        raise ModelError(f"model {graph.name!r} must have an input of images to be evaluated")
    if len(images) == 1 and images[0] not in given and IMAGES in given:
        given[images[0]] = given.pop(IMAGES)
    for key in given:
        if key not in graph.inputs:
            known = ", ".join([*map(repr, graph.inputs), repr(LABELS)])
            raise ModelError(f"{name} must hold arrays named {known}, not {key!r}{did_you_mean(key, graph.inputs)}")
    found = {key: _images(graph, key, given, name) for key in images}
    counts = {key: len(array) for key, array in found.items()}
    count = counts[images[0]]
    if set(counts.values()) != {count}:
        raise ModelError(f"{name} must hold equally many images for every input, not {counts}")
    inputs = {key: found[key] if key in found else _index(key, given, count, name) for key in graph.inputs}
    return EvaluationData(name, inputs, None if labels is None else _labels(graph, labels, count, name))


def read_data(graph: Graph, path: Path) -> EvaluationData:
    """Read a ``.npz`` file of images, and labels if it has any; or a ``.npy`` file of images.

    Raises
    ------
    ModelError
        If the file cannot be read, or :func:`data_of` refuses what it holds.
    """
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = {key: loaded[key] for key in loaded.files} if hasattr(loaded, "files") else {IMAGES: loaded}
    except OSError as error:
        raise ModelError(f"data file {path} must be readable: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"data file {path} must be a .npz or .npy file of numbers") from error
    return data_of(graph, arrays, path.name)


def random_data(graph: Graph, images: int, *, seed: int, purpose: str = "evaluation") -> EvaluationData:
    """Noise with the spectrum of photographs (:func:`vitaccel.quantization.synthetic.synthetic_images`); indices are 0.

    Parameters
    ----------
    graph
        The model.
    images
        How many.
    seed, purpose
        Choose them: one seed gives other images for every purpose, and each image whatever the number of images.
    """
    drawn = synthetic_images(graph, count=images, seed=seed, purpose=purpose)
    inputs = {name: drawn[name] for name in image_inputs(graph)}
    return data_of(graph, inputs, f"seeded random inputs, seed {seed}")


def _images(graph: Graph, key: str, arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    shape = graph[key].type.static_shape[1:]
    wanted = f"float32[{','.join(map(str, ('images', *shape)))}]"
    if key not in arrays:
        raise ModelError(f"{name} must hold an array {wanted} for input {key!r}, which it lacks")
    array = arrays[key]
    given = f"{array.dtype}[{','.join(map(str, array.shape))}]"
    if array.dtype.kind != "f" or array.shape[1:] != shape or not array.size:
        raise ModelError(f"{name} must hold images {wanted} for input {key!r}, normalised as the model expects them, "
                         f"not {given}")  # fmt: skip
    with np.errstate(over="ignore"):  # what overflows is refused below
        narrow: np.ndarray = array.astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(narrow).all(axis=tuple(range(1, narrow.ndim))))
    if len(broken):
        raise ModelError(f"{name} must hold finite images for input {key!r}, not NaN or infinity (image {broken[0]})")
    return narrow


def _index(key: str, arrays: Mapping[str, np.ndarray], count: int, name: str) -> np.ndarray:
    array = arrays.get(key, np.zeros(1, np.int64))
    if array.dtype.kind not in "iu" or len(np.unique(array)) != 1 or array.size not in (1, count):
        raise ModelError(f"{name} must hold one integer for input {key!r}, the same for all images")
    return np.full(count, array.reshape(-1)[0], np.int64)


def _labels(graph: Graph, labels: np.ndarray, count: int, name: str) -> np.ndarray:
    output = graph[graph.outputs[0]].type
    if output.rank != 2:
        raise ModelError(f"labels must come with a model whose first output is [images, classes], not {output}")
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        given = f"{labels.dtype}[{','.join(map(str, labels.shape))}]"
        raise ModelError(f"{name} must hold one integer label for each of the {count} images, not {given}")
    classes = output.static_shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        worst = int(labels.min()) if labels.min() < 0 else int(labels.max())
        raise ModelError(f"{name} must hold labels from 0 to {classes - 1}, not {worst}")
    return labels.astype(np.int64)
