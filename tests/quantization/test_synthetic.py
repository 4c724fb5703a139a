from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from vitaccel.frontend import ImportedModel
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input
from vitaccel.ir.types import TensorType
from vitaccel.quantization.calibration import check_calibration
from vitaccel.quantization.synthetic import IMAGES, SHARED, synthetic_images


def graph_of(**shapes: tuple[int, ...]) -> Graph:
    graph = Graph("net")
    for name, shape in shapes.items():
        graph.add(Input(), type=TensorType(shape), name=name)
    graph.outputs = list(shapes)
    return graph


def test_a_seed_gives_the_same_images() -> None:
    graph = graph_of(image=(1, 3, 20, 24), tokens=(1, 5, 6))
    first, again, other = (synthetic_images(graph, seed=seed) for seed in (0, 0, 1))
    assert {name: array.shape for name, array in first.items()} == {
        "image": (IMAGES, 3, 20, 24),
        "tokens": (IMAGES, 5, 6),
    }
    for name, array in first.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, again[name])
        assert not np.array_equal(array, other[name])


def test_an_image_is_its_own_whatever_their_number_and_another_for_every_purpose() -> None:
    graph = graph_of(image=(1, 3, 20, 24), other=(1, 3, 20, 24), tokens=(1, 5, 6))
    few, more = (synthetic_images(graph, count=count, seed=3) for count in (2, 3))
    elsewhere = synthetic_images(graph, count=2, seed=3, purpose="evaluation")
    for name, array in few.items():
        np.testing.assert_array_equal(array, more[name][:2])
        assert not np.array_equal(array, elsewhere[name])
    assert not np.array_equal(few["image"], few["other"])


def test_they_look_like_normalised_photographs(seed: int) -> None:
    images = synthetic_images(graph_of(image=(1, 3, 64, 64)), count=200, seed=seed)["image"]
    assert abs(images.mean()) < 0.2
    assert 0.8 < images.std() < 1.5
    deviations = images.std(axis=(2, 3))
    assert deviations.max() < 2.5
    assert deviations.min() > 0.2
    red, green = images[:, 0].reshape(200, -1), images[:, 1].reshape(200, -1)
    alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(red, green, strict=True)]
    assert abs(np.mean(alike) - SHARED**2) < 0.1


def test_neighbours_are_alike_and_power_falls_with_frequency(seed: int) -> None:
    images = synthetic_images(graph_of(image=(1, 1, 64, 64)), count=100, seed=seed)["image"][:, 0]
    spectrum = (np.abs(np.fft.fft2(images - images.mean(axis=(1, 2), keepdims=True))) ** 2).mean(axis=0)
    along = spectrum[0, 1:32]
    octaves = [along[(1 << k) - 1 : (1 << (k + 1)) - 1].mean() for k in range(5)]
    # 1/f^2 falls to a quarter from octave to octave; white noise does not fall at all.
    assert all(b < 0.6 * a for a, b in pairwise(octaves))


def test_one_pixel_and_odd_sizes() -> None:
    images = synthetic_images(graph_of(image=(1, 2, 1, 1), odd=(1, 1, 5, 13)), count=3)
    assert images["image"].shape == (3, 2, 1, 1)
    assert all(np.isfinite(array).all() for array in images.values())


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_has_one_index_and_batches_take_turns(batch: int, imported: Callable[..., ImportedModel]) -> None:
    graph = imported("m3vit-micro", task_input=True, batch=batch).graph
    arrays = synthetic_images(graph, count=9)
    tasks = arrays["task"].reshape(-1, batch)
    assert (tasks == tasks[:, :1]).all()
    assert len(set(tasks[:, 0].tolist())) == min(2, len(tasks))
    assert len(check_calibration(graph, arrays)["image"]) == 9
