"""Synthetic images: seeded noise with the spectrum of photographs, for models that come without data."""

from __future__ import annotations

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Select
from vitaccel.quantization.calibration import batch_size

IMAGES = 32
"""Images unless another number is asked for."""

SHARED = 0.8
"""Share of an image's deviation that all its channels have in common; the rest is each channel's own."""


def synthetic_images(
    graph: Graph, *, count: int = IMAGES, seed: int = 0, purpose: str = "calibration"
) -> dict[str, np.ndarray]:
    """Draw an array for each input of a model, the same for the same seed and purpose.

    Images are sums of noise of all sizes from a pixel to the whole image, each octave of equal power, as photographs
    have it (amplitudes fall as 1/f; Field 1987); contrast and brightness differ from image to image around deviation 1
    and mean 0, what normalised photographs have. They set ranges where nothing better is at hand; they are no data
    of the model's task, and nothing measured on them is an accuracy.

    Parameters
    ----------
    graph
        The model.
    count
        Images.
    seed, purpose
        Choose them: one seed gives other images for every purpose, and each image whatever the number of images.

    Returns
    -------
    dict
        float32 ``[count, ...]`` for every image input; for an index int64 ``[count]``, batches taking turns.
    """
    found: dict[str, np.ndarray] = {}
    for at, name in enumerate(graph.inputs):
        shape = graph[name].type.static_shape
        streams = (np.random.default_rng([seed, at, *purpose.encode(), image]) for image in range(count))
        if graph[name].type.element != "f32":
            found[name] = np.arange(count) // batch_size(graph) % _rows(graph, name)
        elif len(shape) == 4:
            found[name] = np.stack([_image(stream, *shape[1:]) for stream in streams])
        else:
            found[name] = np.stack([stream.standard_normal(shape[1:], np.float32) for stream in streams])
    return found


def _rows(graph: Graph, index: str) -> int:
    """How many rows an index chooses from, views looked through."""
    sizes = [
        graph[graph[user].inputs[0]].type.static_shape[0] if isinstance(graph[user].op, Select) else _rows(graph, user)
        for user in graph.users(index)
    ]
    return min(sizes, default=1)


def _image(generator: np.random.Generator, channels: int, height: int, width: int) -> np.ndarray:
    common = _octaves(generator, height, width)
    own = np.stack([_octaves(generator, height, width) for _ in range(channels)])
    image = SHARED * common + np.sqrt(1 - SHARED**2) * own
    contrast, brightness = generator.uniform(0.5, 1.5), 0.5 * generator.standard_normal()
    drawn: np.ndarray = (contrast * image + brightness).astype(np.float32)
    return drawn


def _octaves(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise ``[height, width]`` of every octave, mean 0 and deviation 1 (0 where there is one pixel)."""
    total = np.zeros((height, width))
    for octave in range(max(height, width).bit_length()):
        rows, columns = _weights(height, 1 << octave), _weights(width, 1 << octave)
        total += rows @ generator.standard_normal((rows.shape[1], columns.shape[1])) @ columns.T
    total -= total.mean()
    total /= total.std() or 1.0
    return total


def _weights(size: int, period: int) -> np.ndarray:
    """The matrix ``[size, coarse]`` that interpolates between samples ``period`` apart."""
    at = np.arange(size) / period
    low = at.astype(int)
    matrix = np.zeros((size, size // period + 2))
    matrix[np.arange(size), low] = 1 - (at - low)
    matrix[np.arange(size), low + 1] = at - low
    return matrix
