from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.quantization.conftest import images_for
from vitaccel.arch import Arch
from vitaccel.cli.taps import check_tap_target, tap_arrays, tap_files
from vitaccel.compiler import prepare_graph
from vitaccel.errors import OutputError
from vitaccel.execution import IntegerModel, IntegerRun
from vitaccel.frontend import ImportedModel
from vitaccel.ir.views import extent
from vitaccel.quantization import quantize


@pytest.fixture
def ran(imported: Callable[..., ImportedModel], seed: int) -> tuple[IntegerModel, IntegerRun]:
    machine = Arch().with_pe("2x16x16")  # its tiles are wider than a head
    graph = prepare_graph(imported("m3vit-micro").graph, machine)
    images = images_for(graph, 3, seed)
    model = IntegerModel(quantize(graph, images)[0], machine)
    return model, model.run(images, taps=tuple(model.taps()))


def test_every_tap_is_there_with_its_scale_and_its_layer(ran: tuple[IntegerModel, IntegerRun]) -> None:
    model, run = ran
    arrays, index = tap_arrays(model, run)
    assert [entry["value"] for entry in index["tensors"]] == list(model.taps())
    assert [entry["layer"] for entry in index["experts"]] == list(run.choices)
    assert len(arrays) == len(run.taps) + len(run.choices)
    for entry in index["tensors"]:
        integers, scale = run.taps[entry["value"]]
        found = arrays[entry["key"]]
        assert (str(found.dtype), list(found.shape)) == (entry["dtype"], entry["shape"])
        assert found.shape == integers.shape
        extents = extent(model.graph[entry["value"]].type)
        assert found.shape[1:] == (extents.tokens, extents.channels)
        assert entry["scale"] == np.atleast_1d(scale).tolist() == list(model.graph[entry["value"]].scale)
        assert entry["key"] == f"{entry['layer']}.{entry['value'][1:]}"
        assert integers.min() >= np.iinfo(found.dtype).min
        assert integers.max() <= np.iinfo(found.dtype).max
        np.testing.assert_array_equal(found, integers)
    plan = model.lowered.plan
    assert any(plan.tensors[e["value"]].channels > e["shape"][-1] for e in index["tensors"])
    assert {entry["dtype"] for entry in index["tensors"]} == {"int8", "int16"}


def test_an_archive_and_a_folder_hold_the_same(ran: tuple[IntegerModel, IntegerRun], tmp_path: Path) -> None:
    archive, folder = tmp_path / "t.npz", tmp_path / "taps"
    (written,) = tap_files(archive, *ran).items()
    archive.write_bytes(written[1])
    folder.mkdir()
    for path, content in tap_files(folder, *ran).items():
        assert path.parent == folder
        path.write_bytes(content)
    index = json.loads((folder / "index.json").read_text())
    with np.load(archive) as loaded:
        assert json.loads(str(loaded["index"])) == index
        keys = [entry["key"] for entry in [*index["tensors"], *index["experts"]]]
        assert sorted(loaded.files) == sorted([*keys, "index"])
        for key in keys:
            np.testing.assert_array_equal(loaded[key], np.load(folder / f"{key}.npy"))


def test_a_target_is_an_archive_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for fine in ("t.npz", "new", "."):
        check_tap_target(tmp_path / fine)
    for wrong in ("t.npy", "file"):
        with pytest.raises(OutputError, match=r"--taps must name a folder or a file that ends in \.npz"):
            check_tap_target(tmp_path / wrong)
    with pytest.raises(OutputError, match="must exist"):
        check_tap_target(tmp_path / "no" / "folder")
