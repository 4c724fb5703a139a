"""The wheel holds the four packages, the presets and the typing marker, and imports without the source tree."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = ("vitaccel", "vitaccel_rtl", "vitaccel_hls", "vitaccel_sim")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_every_preset_and_the_typing_marker(wheel: Path) -> None:
    members = set(zipfile.ZipFile(wheel).namelist())
    presets = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vitaccel" / "presets").glob("*.toml")}
    assert presets
    assert presets | {"vitaccel/py.typed"} <= members


def test_wheel_holds_every_header_and_the_project_around_them(wheel: Path) -> None:
    members = set(zipfile.ZipFile(wheel).namelist())
    folder = ROOT / "hls"
    shipped = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".hpp", ".cpp")}
    assert len(shipped) > 40
    assert shipped | {"vitaccel_hls/project/Makefile", "vitaccel_hls/project/vitis_hls.tcl"} <= members


def test_wheel_holds_nothing_but_the_four_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(NAMES)


def test_wheel_imports_from_where_it_is_unpacked(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import importlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]: print(importlib.import_module(name).__file__)"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path), *NAMES]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert shown.splitlines() == [str(tmp_path / name / "__init__.py") for name in NAMES]


def test_every_direct_dependency_is_pinned_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = chain(project["dependencies"], *project["optional-dependencies"].values())
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert sorted({requirement.split(">=")[0] for requirement in named}) == [pin.split("==")[0] for pin in pins]
