"""Calibration images: read from files, checked against a model's inputs, cut into the model's batches."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from vitaccel.errors import VitaccelError, did_you_mean
from vitaccel.ir.graph import Graph

ONLY = ""
"""Name of an array in a file that does not name its arrays."""


def load_calibration(path: Path, graph: Graph) -> dict[str, np.ndarray]:
    """Read calibration images for a model.

    Parameters
    ----------
    path
        A ``.npz`` file whose keys are input names, or a ``.npz`` or ``.npy`` file of one array for the only image
        input.
    graph
        The model.

    Raises
    ------
    VitaccelError
        If the file cannot be read or :func:`check_calibration` refuses what it holds.
    """
    try:
        with Path(path).open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = {key: loaded[key] for key in loaded.files} if hasattr(loaded, "files") else {ONLY: loaded}
    except FileNotFoundError as error:
        raise VitaccelError(f"calibration file {str(path)!r} must exist") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise VitaccelError(
            f"calibration file {str(path)!r} must be a .npz or .npy file of plain numbers that NumPy can read: {error}"
        ) from error
    images = image_inputs(graph)
    if len(arrays) == 1 and len(images) == 1 and not set(arrays) & set(graph.inputs):
        arrays = {images[0]: next(iter(arrays.values()))}
    return check_calibration(graph, arrays)


def image_inputs(graph: Graph) -> list[str]:
    """Names of the inputs that hold numbers, not indices."""
    return [name for name in graph.inputs if graph[name].type.element == "f32"]


def check_calibration(graph: Graph, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays in the order of the graph's inputs: images in float32, indices one for each image.

    Parameters
    ----------
    graph
        The model; the first axis of an image input is its batch.
    arrays
        One array for each input, any number of images along the first axis. An index may be given once for all.

    Raises
    ------
    VitaccelError
        If an input has no array, a name is no input, a shape does not fit, the numbers of images differ, there is no
        image, or a number is not finite.
    """
    for name in arrays:
        if name not in graph.inputs:
            known = ", ".join(map(repr, graph.inputs))
            given = repr(name) if name else "one array without a name"
            raise VitaccelError(
                f"calibration data must name the inputs {known}, not {given}{did_you_mean(name, graph.inputs)}"
            )
    missing = [name for name in graph.inputs if name not in arrays]
    if missing:
        raise VitaccelError(
            f"calibration data must hold images for input {missing[0]!r} ({graph[missing[0]].type}), which it lacks"
        )
    images = {name: _images(graph, name, arrays[name]) for name in image_inputs(graph)}
    counts = {name: len(array) for name, array in images.items()}
    if len(set(counts.values())) > 1:
        raise VitaccelError(f"calibration inputs must have equally many images, not {counts}")
    count = next(iter(counts.values()), 1)
    indices = {name: _indices(name, arrays[name], count) for name in graph.inputs if name not in images}
    return {name: {**images, **indices}[name] for name in graph.inputs}


def _images(graph: Graph, name: str, array: np.ndarray) -> np.ndarray:
    shape = graph[name].type.static_shape
    wanted = f"[images,{','.join(map(str, shape[1:]))}]"
    given = f"{array.dtype}[{','.join(map(str, array.shape))}]"
    if array.dtype.kind != "f":
        raise VitaccelError(
            f"calibration images for input {name!r} must be floating numbers {wanted}, normalised as the model expects "
            f"them, not {given}"
        )
    if array.ndim != len(shape) or array.shape[1:] != shape[1:]:
        raise VitaccelError(f"calibration images for input {name!r} must have shape {wanted}, not {given}")
    if not len(array):
        raise VitaccelError(f"calibration data for input {name!r} must hold at least one image, not {given}")
    with np.errstate(over="ignore"):  # what overflows is refused below
        narrow = array.astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(narrow).all(axis=tuple(range(1, array.ndim))))
    if len(broken):
        image = int(broken[0])
        value = narrow[image][~np.isfinite(narrow[image])][0]
        raise VitaccelError(
            f"calibration images for input {name!r} must be finite in float32, not {value} (image {image}, "
            f"{len(broken)} of {len(array)} images)"
        )
    return narrow


def _indices(name: str, array: np.ndarray, count: int) -> np.ndarray:
    given = f"{array.dtype}[{','.join(map(str, array.shape))}]"
    if array.dtype.kind not in "iu" or array.size not in (1, count) or array.ndim > 2:
        raise VitaccelError(
            f"calibration data for input {name!r} must be one integer for each of the {count} images or one for all, "
            f"not {given}"
        )
    return np.broadcast_to(array.reshape(-1), (count,)).astype(np.int64)


def image_count(calibration: Mapping[str, np.ndarray]) -> int:
    """Number of images of checked calibration data."""
    return len(next(iter(calibration.values()))) if calibration else 0


def batches(graph: Graph, calibration: Mapping[str, np.ndarray], *, limit: int = 0) -> Iterator[dict[str, np.ndarray]]:
    """Feeds of the graph's fixed batch, in order; the last one is filled up with its last image.

    Parameters
    ----------
    graph
        The model.
    calibration
        From :func:`check_calibration`.
    limit
        Images at most; 0 means all.

    Raises
    ------
    VitaccelError
        If the images of one batch have different indices.
    """
    count = image_count(calibration)
    count = min(limit, count) if limit else count
    size = batch_size(graph)
    for first in range(0, count, size):
        rows = np.minimum(np.arange(first, first + size), count - 1)
        feeds = {}
        for name, array in calibration.items():
            chosen = array[rows]
            if graph[name].type.element == "f32":
                feeds[name] = chosen
                continue
            if len(set(chosen.tolist())) > 1:
                raise VitaccelError(
                    f"calibration images {first} to {first + size - 1} run as one batch and must have one {name!r}"
                )
            feeds[name] = np.full(graph[name].type.static_shape, chosen[0], np.int64)
        yield feeds


def batch_size(graph: Graph) -> int:
    """Images of one run of the graph: the first axis of its image inputs."""
    images = image_inputs(graph)
    return graph[images[0]].type.static_shape[0] if images else 1
