"""What commands that write a network share: several machines are refused, and an end in the middle leaves nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sim.delivery.network.micro import NAME, arch, onnx
from vitaccel.cli.network_folder import one_machine, write_network
from vitaccel.errors import VitaccelError
from vitaccel.execution import IntegerModel
from vitaccel_sim.delivery.network.imported import integer_model

FLAGS = {"pe": "4x4", "preset": None, "arch_file": None, "settings": (), "inputs": None, "images": 3}
MARK = "made by a test"


@dataclass(frozen=True)
class Made:
    """A delivery of two files, one in a folder."""

    model: IntegerModel

    @property
    def files(self) -> dict[str, bytes]:
        return {"README.md": f"{MARK}: `inner/part.bin`\n".encode(), "inner/part.bin": bytes(5)}

    def record(self) -> dict[str, Any]:
        return {"model": NAME}


def deliver(model: bytes, name: str, machine: Any, images: Any, *, said: Any, say: Any) -> Made:
    say("compile")
    made = Made(integer_model(model, name, machine, said=said))
    assert [len(values) for values in images(made.model.graph).values()] == [3]
    return made


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    path = tmp_path / f"{NAME}.onnx"
    path.write_bytes(onnx())
    return path


def test_one_machine_is_what_the_flags_say(tmp_path: Path) -> None:
    assert one_machine("vit-micro", FLAGS, tmp_path / "out", None).array.side == 4
    with pytest.raises(VitaccelError, match=r"^--pe must name one machine to generate, not 4x4,8x8$"):
        one_machine("vit-micro", FLAGS | {"pe": "4x4,8x8"}, tmp_path / "out", None)
    sentence = r"^memory\.ports must be 1, as the generated accelerator has one port, not 4$"
    with pytest.raises(VitaccelError, match=sentence):
        one_machine("vit-micro", FLAGS | {"pe": None, "preset": "zcu102"}, tmp_path / "out", None)
    one_port = {"pe": None, "preset": "zcu102", "settings": ("memory.ports=1",)}
    assert one_machine("vit-micro", FLAGS | one_port, tmp_path / "out", None).array.side == 32
    (tmp_path / "file").touch()
    with pytest.raises(VitaccelError, match=r"^output directory .*out must be a directory, and .*file is a file$"):
        one_machine("vit-micro", FLAGS, tmp_path / "file" / "out", None)


def test_files_and_record_are_written(quantized: Path, tmp_path: Path) -> None:
    out, record = tmp_path / "out", tmp_path / "record.json"
    made, written = write_network(
        str(quantized), FLAGS, arch(), deliver, out, str(record), mark=MARK, index="README.md"
    )
    assert {path.relative_to(out).as_posix(): path.read_bytes() for path in written} == made.files
    found = json.loads(record.read_text())
    assert {"model": NAME, "calibration": None, "directory": str(out)}.items() <= found.items()
    assert found["arch"]["pe"] == "4x4"
    assert found["files"][1] == {"name": "inner/part.bin", "bytes": 5}


def test_an_end_in_the_middle_leaves_nothing(quantized: Path, tmp_path: Path) -> None:
    def interrupted(*_: Any, **__: Any) -> Made:
        raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        write_network(
            str(quantized), FLAGS, arch(), interrupted, tmp_path / "out", str(tmp_path / "record.json"), mark=MARK,
            index="README.md",
        )  # fmt: skip
    assert sorted(tmp_path.iterdir()) == before
