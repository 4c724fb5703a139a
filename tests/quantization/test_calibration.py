"""Calibration data: what is read, what is refused and in which words, and how it is cut into batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph
from vitaccel.quantization.calibration import batches, check_calibration, load_calibration

GOOD = np.linspace(-1, 1, 2 * 3 * 20 * 28, dtype=np.float64).reshape(2, 3, 20, 28)


def write(folder: Path, *arrays: np.ndarray, **named: np.ndarray) -> Path:
    path = folder / "data.npz"
    np.savez(path, *arrays, **named)
    return path


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(VitaccelError) as caught:
        action()
    return str(caught.value)


def test_names_or_one_array(prepared: Callable[[str], Graph], tmp_path: Path) -> None:
    graph = prepared("vit")
    single = tmp_path / "data.npy"
    np.save(single, GOOD)
    for path in (write(tmp_path, image=GOOD), single):
        loaded = load_calibration(path, graph)
        assert list(loaded) == ["image"]
        assert loaded["image"].dtype == np.float32
        assert np.array_equal(loaded["image"], GOOD.astype(np.float32))
    assert np.array_equal(load_calibration(write(tmp_path, GOOD), graph)["image"], GOOD.astype(np.float32))


def test_a_task_may_be_given_once(prepared: Callable[[str], Graph], tmp_path: Path) -> None:
    graph = prepared("m3vit-task")
    small = np.zeros((2, 3, 12, 28), np.float32)
    loaded = load_calibration(write(tmp_path, image=small, task=np.array(1)), graph)
    assert loaded["task"].tolist() == [1, 1]
    loaded = load_calibration(write(tmp_path, image=small, task=np.array([0, 1])), graph)
    assert [feeds["task"].reshape(-1).tolist() for feeds in batches(graph, loaded)] == [[0], [1]]
    assert "for input 'task'" in refusal(lambda: load_calibration(write(tmp_path, small), graph))
    wrong = {"image": small, "task": np.array([0, 1, 1])}
    assert "one integer for each of the 2 images or one for all" in refusal(lambda: check_calibration(graph, wrong))


def test_files_that_are_none(prepared: Callable[[str], Graph], tmp_path: Path) -> None:
    graph = prepared("vit")
    assert "must exist" in refusal(lambda: load_calibration(tmp_path / "nowhere.npz", graph))
    for content in (b"", b"not an array", b"PK\x03\x04 broken"):
        (tmp_path / "bad.npz").write_bytes(content)
        assert "must be a .npz or .npy file" in refusal(lambda: load_calibration(tmp_path / "bad.npz", graph))
    np.save(tmp_path / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "plain numbers" in refusal(lambda: load_calibration(tmp_path / "object.npy", graph))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"imgae": GOOD}, "must name the inputs 'image', not 'imgae' (did you mean 'image'?)"),
        ({}, "must hold images for input 'image' (f32[1,3,20,28]), which it lacks"),
        ({"image": GOOD[0]}, "must have shape [images,3,20,28], not float64[3,20,28]"),
        ({"image": GOOD[:, :, :, :27]}, "must have shape [images,3,20,28], not float64[2,3,20,27]"),
        ({"image": GOOD[:0]}, "must hold at least one image, not float64[0,3,20,28]"),
        ({"image": (GOOD * 9).astype(np.uint8)}, "must be floating numbers [images,3,20,28]"),
        ({"image": np.where(np.isin(GOOD, GOOD[1, 2, 3, 4]), np.nan, GOOD)}, "not nan (image 1, 1 of 2 images)"),
        ({"image": np.where(np.isin(GOOD, GOOD[0, 0, 0, 0]), -np.inf, GOOD)}, "not -inf (image 0, 1 of 2 images)"),
        ({"image": GOOD * 1e60}, "must be finite in float32, not -inf (image 0, 2 of 2 images)"),
    ],
)
def test_what_does_not_fit(arrays: dict[str, np.ndarray], sentence: str, prepared: Callable[[str], Graph]) -> None:
    message = refusal(lambda: check_calibration(prepared("vit"), arrays))
    assert sentence in message
    assert "\n" not in message


def test_inputs_must_have_equally_many_images(net: Callable[..., Any]) -> None:
    made = net(1, 4)
    other = made.graph.add(type(made.graph["x"].op)(), type=made.graph["x"].type, name="y")
    graph = made.done(made.linear(made.x, 2), made.linear(other, 2))
    arrays = {"x": np.zeros((2, 4), np.float32), "y": np.zeros((3, 4), np.float32)}
    assert "equally many images, not {'x': 2, 'y': 3}" in refusal(lambda: check_calibration(graph, arrays))


def test_the_last_batch_is_filled_up(prepared: Callable[[str], Graph]) -> None:
    graph = prepared("vit-batch")
    data = check_calibration(graph, {"image": np.arange(5.0).reshape(5, 1, 1, 1) * np.ones((1, 3, 20, 28))})
    first = [feeds["image"][:, 0, 0, 0].tolist() for feeds in batches(graph, data)]
    assert first == [[0, 1, 2], [3, 4, 4]]
    assert [len(feeds["image"]) for feeds in batches(graph, data, limit=2)] == [3]
