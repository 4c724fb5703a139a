"""The stopwatch of the Verilated accelerator: what it measures was run and compared, and its table has a row a case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.sim.accelerator.network_folder import IMAGES, Perfect, write_folder
from vitaccel.cli import gen_network
from vitaccel.zoo.catalog import resolve
from vitaccel_sim.accelerator import verify as verification
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.findings import Verification
from vitaccel_sim.accelerator.verify import Expected, Hardware
from vitaccel_sim.model import Model
from vitaccel_sim.verilate import BUILD_FOLDER

WORK = 0.2
"""CPU seconds of a process that stands for a compiler."""


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("rtl")


def test_every_model_is_one_there_is(script: ModuleType) -> None:
    for model in script.MODELS:
        assert resolve(model, {}).info.name == model


def test_a_network_is_written_built_and_run(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """By parts that tell what they were asked for: the Verilated accelerator takes a while."""
    asked: list[object] = []

    def generate(model: str, flags: dict[str, Any], folder: Path, _: None) -> None:
        asked.append((model, flags["pe"], flags["images"]))
        folder.mkdir()
        write_folder(folder, "vit", 1)

    def model(hardware: Hardware) -> None:
        asked.append(hardware.optimize)
        assert hardware.folder != BUILD_FOLDER, "a build of its own"
        subprocess.run([sys.executable, "-c", f"import time\nwhile time.process_time() < {WORK}: pass"], check=True)

    def verify(hardware: Hardware, images: Iterator[Expected], *, behaviour: MemoryBehaviour) -> Verification:
        assert behaviour.is_fixed
        return Perfect()(hardware, images, behaviour=behaviour, progress=lambda *_: None)

    monkeypatch.setattr(gen_network, "generate_network", generate)
    monkeypatch.setattr(Hardware, "model", model)
    monkeypatch.setattr(verification, "verify", verify)
    speed = script.measure("digits/vit.onnx", 8, IMAGES)
    assert asked == [("digits/vit.onnx", "8x8", IMAGES), "-O3"]
    assert (speed.model, speed.side, speed.is_right) == ("vit", 8, True)
    assert speed.cycles == 3000 // IMAGES
    assert min(speed.emit_s, speed.build_s, speed.build_bytes, speed.image_s) > 0
    assert speed.build_s > WORK, "processes count, too"


@pytest.mark.full
def test_a_micro_model_is_measured(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be compiled for speed; here it is compiled in a hurry."""
    asked: list[str] = []
    model = Hardware.model

    def hurried(hardware: Hardware, *, waves: bool = False) -> Model:
        asked.append(hardware.optimize)
        object.__setattr__(hardware, "optimize", "-O0")
        return model(hardware, waves=waves)

    monkeypatch.setattr(Hardware, "model", hurried)
    speed = script.measure("vit-micro", 4, 2)
    assert asked[0] == "-O3"
    assert speed.is_right
    assert (speed.model, speed.side) == ("vit-micro", 4)
    assert speed.cycles > 1000
    assert min(speed.emit_s, speed.build_s, speed.image_s, speed.build_bytes) > 0
    head, units, row = script.table([speed])
    assert row.split()[:2] == ["vit-micro", "4"]
    assert row.endswith("  equal")
    assert len(head) <= len(units)


def test_what_is_wrong_is_said(script: ModuleType) -> None:
    speed = script.Speed("vit-micro", 8, 1.0, 2.0, 10**9, 10_000, 0.5, False)
    *_, row = script.table([speed])
    assert row.split()[-5:] == ["10,000", "20,000", "0.50", "NOT", "EQUAL"]


def test_the_command_prints_a_row_a_case(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    class Pool:
        def __init__(self, _processes: int) -> None: ...

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...

        def apply(self, function: object, arguments: tuple[str, int, int]) -> object:
            assert function is script.measure
            asked.append(arguments)
            return script.Speed(arguments[0], arguments[1], 1.0, 2.0, 10**9, 10_000, 0.5, True)

    monkeypatch.setattr(script.multiprocessing, "get_context", lambda _kind: SimpleNamespace(Pool=Pool))
    monkeypatch.setattr(sys, "argv", ["rtl.py", "vit-micro", "--pe", "4", "8", "--images", "3"])
    script.main()
    assert asked == [("vit-micro", 4, 3), ("vit-micro", 8, 3)]
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [["vit-micro", "4"], ["vit-micro", "8"]]
