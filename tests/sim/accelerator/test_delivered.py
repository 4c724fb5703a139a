"""A delivered folder is read whole; a file that is cut short, of another kind or of another machine is one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sim.accelerator.network_folder import PROGRAM, write_folder
from vitaccel.errors import VitaccelError
from vitaccel_rtl.accelerator.isa import MAGIC, VERSION
from vitaccel_sim.accelerator.delivered import read_delivery


@pytest.fixture(scope="module")
def whole(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("delivered"), "vit", pytestconfig.option.seed)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


OLD = VERSION - 1


def of_version(version: int) -> Callable[[Path], None]:
    words = MAGIC.to_bytes(4, "little") + version.to_bytes(4, "little")
    return lambda folder: (folder / "program.bin").write_bytes(words + PROGRAM[len(words) :])


def with_map(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "memory_map.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def test_a_whole_folder_is_read(folder: Path) -> None:
    found = read_delivery(folder)
    assert found.hardware.program == PROGRAM
    assert found.hardware.memory.arrays == found.arch.array.count == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (cut("weights.bin", -1), r"weights.bin must have the \d+ bytes that memory_map.json says, not \d+"),
        (cut("program.bin", 0), "program.bin must have the 64 bytes that memory_map.json says, not 0"),
        (lambda folder: (folder / "program.bin").unlink(), ".* must have the file program.bin: vitaccel gen-rtl .*"),
        (
            of_version(VERSION - 1),
            rf"program.bin must be of version {VERSION} of the instruction set, not {VERSION - 1}: .* anew",
        ),
        (cut("golden.npz", 0), "golden.npz must be an archive of arrays: .*"),
        (cut("golden.npz", 99), "golden.npz must be an archive of arrays: .*"),
        (cut("machine.json", -1), "machine.json must be JSON: .*"),
        (with_map(arrays=0), "arrays of a memory map must be a number of 1 or more, not 0"),
        (with_map(arrays=-1), "arrays of a memory map must be a number of 1 or more, not -1"),
        (with_map(arrays="x"), "arrays of a memory map must be a number of 1 or more, not 'x'"),
        (with_map(arrays=2**70), r"arrays of a memory map must be 8 or fewer, not \d+"),
        (with_map(tensors=[]), "inputs of a memory map must be among its tensors, not 'image.patches'"),
    ],
)
def test_what_is_broken_is_one_sentence(folder: Path, change: Callable[[Path], None], sentence: str) -> None:
    change(folder)
    with pytest.raises(VitaccelError, match=rf"^{sentence}$"):
        read_delivery(folder)


def test_a_folder_of_gen_hls_is_told_how_it_is_run(folder: Path) -> None:
    (folder / "vitaccel.sv").unlink()
    (folder / "machine.hpp").touch()
    with pytest.raises(VitaccelError) as refused:
        read_delivery(folder)
    assert str(refused.value) == (
        f"{folder} must be a directory that vitaccel gen-rtl wrote, not gen-hls: make -C {folder} runs it"
    )
