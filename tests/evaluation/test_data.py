from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.errors import ModelError
from vitaccel.evaluation.data import data_of, random_data, read_data
from vitaccel.frontend import ImportedModel
from vitaccel.ir.graph import Graph
from vitaccel.quantization.synthetic import synthetic_images

SHAPE = (3, 20, 28)
CLASSES = 10


@pytest.fixture
def graph(imported: Callable[..., ImportedModel]) -> Graph:
    found = imported("vit-micro").graph
    assert found["image"].type.static_shape[1:] == SHAPE
    assert found[found.outputs[0]].type.static_shape == (1, CLASSES)
    return found


def images(count: int = 2) -> np.ndarray:
    return np.zeros((count, *SHAPE), np.float32)


@pytest.mark.parametrize("key", ["images", "image"])
def test_images_have_the_name_of_the_input_or_images(graph: Graph, key: str) -> None:
    data = data_of(graph, {key: images(), "labels": np.array([0, 9], np.uint8)}, "mine.npz")
    assert list(data.inputs) == ["image"]
    assert data.labels is not None
    assert (data.labels.dtype, data.labels.tolist(), len(data)) == (np.int64, [0, 9], 2)


def test_labels_may_be_missing(graph: Graph) -> None:
    assert data_of(graph, {"images": images().astype(np.float64)}, "mine").labels is None
    assert data_of(graph, {"images": images().astype(np.float64)}, "mine").inputs["image"].dtype == np.float32


BAD = images()
BAD[1, 0, 0, 0] = np.nan

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "x must hold an array float32[images,3,20,28] for input 'image', which it lacks"),
    ({"imags": images()}, "x must hold arrays named 'image', 'labels', not 'imags' (did you mean 'image'?)"),
    (
        {"images": images().astype(np.uint8)},
        "x must hold images float32[images,3,20,28] for input 'image', normalised as the model expects them, "
        "not uint8[2,3,20,28]",
    ),
    (
        {"images": np.zeros((2, 3, 8, 8), np.float32)},
        "x must hold images float32[images,3,20,28] for input 'image', normalised as the model expects them, "
        "not float32[2,3,8,8]",
    ),
    (
        {"images": images(0)},
        "x must hold images float32[images,3,20,28] for input 'image', normalised as the model expects them, "
        "not float32[0,3,20,28]",
    ),
    ({"images": BAD}, "x must hold finite images for input 'image', not NaN or infinity (image 1)"),
    (
        {"images": np.full((1, *SHAPE), 1e300)},
        "x must hold finite images for input 'image', not NaN or infinity (image 0)",
    ),
    (
        {"images": images(), "labels": np.zeros(3, np.int64)},
        "x must hold one integer label for each of the 2 images, not int64[3]",
    ),
    (
        {"images": images(), "labels": np.zeros(2, np.float32)},
        "x must hold one integer label for each of the 2 images, not float32[2]",
    ),
    ({"images": images(), "labels": np.array([0, 10])}, "x must hold labels from 0 to 9, not 10"),
    ({"images": images(), "labels": np.array([0, -1])}, "x must hold labels from 0 to 9, not -1"),
]


@pytest.mark.parametrize(("arrays", "sentence"), REFUSED)
def test_refused(graph: Graph, arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelError) as refused:
        data_of(graph, arrays, "x")
    assert str(refused.value) == sentence


def test_an_index_is_given_once_or_left_out(imported: Callable[..., ImportedModel]) -> None:
    graph = imported("m3vit-micro", task_input=True).graph
    (image, task) = sorted(graph.inputs, key=lambda name: graph[name].type.element)
    shape = graph[image].type.static_shape[1:]
    fed = {image: np.zeros((3, *shape), np.float32)}
    assert data_of(graph, fed, "x").inputs[task].tolist() == [0, 0, 0]
    assert data_of(graph, fed | {task: np.array(1)}, "x").inputs[task].tolist() == [1, 1, 1]
    for wrong in (np.array([0, 1, 0]), np.array([1, 1]), np.array(0.5)):
        with pytest.raises(ModelError, match=f"x must hold one integer for input '{task}', the same for all images"):
            data_of(graph, fed | {task: wrong}, "x")


def test_labels_need_classes(imported: Callable[..., ImportedModel]) -> None:
    graph = imported("m3vit-micro", decoder=True).graph
    data = random_data(graph, 1, seed=0)
    with pytest.raises(ModelError, match=r"labels must come with a model whose first output is \[images, classes\]"):
        data_of(graph, {**data.inputs, "labels": np.array([0])}, "x")


def test_files(graph: Graph, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=images(3), labels=np.arange(3))
    np.save(tmp_path / "a.npy", images(4))
    assert (len(read_data(graph, tmp_path / "a.npz")), read_data(graph, tmp_path / "a.npz").name) == (3, "a.npz")
    assert len(read_data(graph, tmp_path / "a.npy")) == 4
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 cut short")
    for name, sentence in (("c.npz", "must be readable: No such file"), ("b.npz", "must be a .npz or .npy file")):
        with pytest.raises(ModelError, match=sentence):
            read_data(graph, tmp_path / name)


def test_random_images_are_those_of_the_seed(graph: Graph) -> None:
    few, more = (random_data(graph, count, seed=5) for count in (2, 3))
    assert (more.inputs["image"][:2] == few.inputs["image"]).all()
    assert not (random_data(graph, 2, seed=6).inputs["image"] == few.inputs["image"]).any()
    assert not (random_data(graph, 2, seed=5, purpose="calibration").inputs["image"] == few.inputs["image"]).any()
    assert few.labels is None
    assert (few.inputs["image"] == synthetic_images(graph, count=2, seed=5, purpose="evaluation")["image"]).all()
    assert few.name == "seeded random inputs, seed 5"


def test_the_first_images(graph: Graph) -> None:
    data = data_of(graph, {"images": images(3), "labels": np.arange(3)}, "x")
    few = data.first(2)
    assert few.labels is not None
    assert (len(few), few.labels.tolist(), len(data.first(9))) == (2, [0, 1], 3)
    with pytest.raises(ModelError, match="images to evaluate must be at least 1, not 0"):
        data.first(0)
