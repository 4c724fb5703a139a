"""Machines of many shapes: what is wrong on one of them is shown, and ends the command with 1."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vitaccel.cli import gen_network
from vitaccel.errors import UnsupportedError
from vitaccel_sim.accelerator import acceptance
from vitaccel_sim.accelerator.findings import ImageResult, Verification


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("machines")


def test_the_machines_are_those_that_the_accelerator_can_be(script: ModuleType) -> None:
    sides = [int(pe.split("x")[0]) for pe in script.PES]
    assert (min(sides), max(sides)) == (4, 32)
    assert any(side % 8 for side in sides)
    assert (min(script.BUSES), max(script.BUSES)) == (32, 512)
    assert len(script.LATENCIES) == 3


def test_every_latency_is_run_on_the_machine_that_was_asked_for(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[dict[str, Any]] = []
    run = ImageResult(cycles=0, cycles_predicted=0, outputs={})
    found = Verification(results=[run], tensors=9, macs=1, pes=1, simulated_cycles=1, seconds=1.0, memory_is_fixed=True)

    def generate(model: str, flags: dict[str, Any], folder: Path, _: None) -> None:
        written.append({"model": model, **flags})
        folder.mkdir()
        (folder / "flags.json").write_text(json.dumps(flags))

    def accept(request: acceptance.Request, _: object, *, predicts: object) -> Verification:
        assert predicts is script.predicted_cycles
        assert (request.folder / "flags.json").exists()
        latency = request.memory["latency_cycles"]
        return replace(found, results=[replace(run, cycles=100 + latency, cycles_predicted=100 + latency)])

    monkeypatch.setattr(gen_network, "generate_network", generate)
    monkeypatch.setattr(acceptance, "accept", accept)
    made = script.measure("vit-micro", "2x8x8", 256, (1, 7))
    assert [(each["model"], each["pe"], each["settings"]) for each in written] == [
        ("vit-micro", "2x8x8", ("memory.bus_bits=256",))
    ]
    assert made.is_right
    assert (made.cycles, made.tensors) == ((101, 107), 9)


def test_what_is_wrong_is_shown_and_ends_with_1(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_: str, pe: str, bus_bits: int, latencies: Sequence[int]) -> Any:
        cycles = tuple(1000 + latency for latency in latencies)
        predicted = cycles if pe == "4x4" else (*cycles[:-1], 1)
        return script.Found(pe, bus_bits, 30, bus_bits != 64, cycles, predicted, 1.0)

    monkeypatch.setattr(script, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["machines.py", "--pe", "4x4", "--bus", "32", "--latency", "1", "64"])
    script.main()
    head, row = capsys.readouterr().out.splitlines()
    assert row.split() == ["4x4", "32", "30", "equal", "1,001", "1,064", "the", "same"]
    assert head.index("predicted") == row.index("the same")
    for wrong in (["--pe", "8x8", "--bus", "32"], ["--pe", "4x4", "--bus", "64"]):
        monkeypatch.setattr(sys, "argv", ["machines.py", *wrong, "--latency", "1", "64"])
        with pytest.raises(SystemExit) as end:
            script.main()
        assert end.value.code == 1
    out = capsys.readouterr().out
    assert "equal        1,001        1,064  1,001 1" in out
    assert "NOT EQUAL" in out


def test_a_machine_that_cannot_be_is_told_in_a_sentence(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_: object) -> None:
        raise UnsupportedError("the accelerator must have 8 arrays or fewer, not 9")

    monkeypatch.setattr(script, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["machines.py", "--pe", "9x4x4"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: the accelerator must have 8 arrays or fewer, not 9\n"
