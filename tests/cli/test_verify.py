"""``vitaccel verify``: what it prints, what it says as JSON, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sim.accelerator.network_folder import IMAGES, Perfect, write_folder
from vitaccel.backends.rtl import program_cycles
from vitaccel_rtl.accelerator.issue_timing import Replayed
from vitaccel_sim.accelerator import acceptance
from vitaccel_sim.accelerator.findings import ImageResult, Verification

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("delivered"), "vit", pytestconfig.option.seed)


def hardware(monkeypatch: pytest.MonkeyPatch, wrong: int = -1) -> Perfect:
    made = Perfect(wrong)
    monkeypatch.setattr(acceptance, "verify", made)
    monkeypatch.setattr(program_cycles, "program_cycles", lambda *_, **__: Replayed(starts=(), dones=(), cycles=1000))
    return made


def test_cycles_are_compared_with_those_of_the_program(
    vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the memory that was asked for: none of those that Perfect says it took."""
    monkeypatch.setattr(acceptance, "verify", Perfect())
    predicted = []
    for latency in (1, 90):
        result = vitaccel("verify", folder, "--images", "1", "--latency", str(latency), "--json")
        assert result.code == 1
        predicted.append(json.loads(result.out)["cycles_predicted"])
    assert 1000 < predicted[0] < predicted[1] - 89


def test_cycles_under_stalls_are_told_beside_those_of_the_mean_memory(
    vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are estimates: only numbers decide."""
    monkeypatch.setattr(acceptance, "verify", Perfect())
    records = [
        json.loads(vitaccel("verify", folder, "--images", "1", "--json", *flags).out)
        for flags in ((), ("--stalls", "0.5"), ("--stalls", "0.5", "--latency", "90"), ("--bandwidth", "1/90"))
    ]
    predicted = [record["cycles_predicted"] for record in records]
    assert predicted[0] < predicted[1] < predicted[2]
    assert predicted[0] < predicted[3]
    for record in records:
        assert record["cycles_difference"] == 1000 / record["cycles_predicted"] - 1
    assert [record["cycles_equal"] for record in records] == [False, None, None, None]
    said = vitaccel("verify", folder, "--images", "1", "--stalls", "0.5")
    assert said.code == 0
    share = f"{1 - 1000 / predicted[1]:.2%}"
    assert said.out.splitlines()[1].startswith(
        f"1,000 cycles a run, {share} fewer than the mean of this memory predicts;"
    )


def test_what_is_right_is_said_in_a_few_lines(vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware(monkeypatch)
    result = vitaccel("verify", folder)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"{IMAGES} runs, 9 tensors each: every number is the interpreter's",
        "1,000 cycles a run, as predicted; 50.0% utilization",
        "1,500 cycles simulated a second",
    ]


def test_json_has_the_facts(vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware(monkeypatch)
    result = vitaccel("verify", folder, "--images", "1", "--json")
    record = json.loads(result.out)
    wanted = {"equal": True, "images": 1, "top1": None, "cycles_predicted": 1000, "cycles_measured": 1000}
    assert {key: record[key] for key in wanted} == wanted
    assert (record["utilization"], record["simulated_cycles_per_s"]) == (0.5, 1500.0)


def test_a_mismatch_is_told_and_ends_with_1(vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware(monkeypatch, wrong=1)
    result = vitaccel("verify", folder)
    assert result.code == 1
    assert result.out.splitlines()[:2] == [
        "run 1: instruction 3 (l): t must be 4 at token 1, channel 2, not 5 (6 numbers are wrong)",
        f"{IMAGES} runs, 9 tensors each: 1 not equal to the interpreter",
    ]
    assert json.loads(vitaccel("verify", folder, "--json").out)["equal"] is False


def test_other_cycles_and_failures_are_told(vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [
        ImageResult(cycles=1001, cycles_predicted=1000, outputs={}),
        ImageResult(cycles=0, cycles_predicted=1000, failure="it hangs", outputs={}),
    ]
    found = Verification(
        results=results, tensors=2, macs=1, pes=1, simulated_cycles=0, seconds=0.0, memory_is_fixed=True
    )
    monkeypatch.setattr(acceptance, "verify", lambda *_, **__: found)
    result = vitaccel("verify", folder)
    assert result.code == 1
    assert result.out.splitlines()[:3] == [
        "run 0: cycles must be 1,000, not 1,001",
        "run 1 failed: it hangs",
        "run 1: cycles must be 1,000, not 0",
    ]


def test_the_memory_may_be_chosen(vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hardware(monkeypatch)
    flags = (
        "--latency",
        "9",
        "--jitter",
        "3",
        "--bandwidth",
        "2/3",
        "--stalls",
        "0.1",
        "--seed",
        "4",
        "--outputs-only",
    )
    assert vitaccel("verify", folder, *flags).code == 0
    memory = made.told["behaviour"]
    assert (memory.latency_cycles, memory.jitter_cycles, memory.beats, memory.beats_cycles) == (9, 3, 2, 3)
    assert set(memory.stalls.values()) == {0.1}
    assert (made.told["seed"], made.taps[0]) == (4, 0)


@pytest.mark.parametrize("text", ["3/2", "1", "0/1", "a/b", "1/2/3"])
def test_a_bandwidth_that_is_none_is_refused(vitaccel: Run, folder: Path, text: str) -> None:
    sentence = vitaccel("verify", folder, "--bandwidth", text).refused()
    assert sentence == f"--bandwidth must be beats/cycles, at most one beat a cycle, as in 2/3, not {text!r}"


def test_no_folder_is_refused(vitaccel: Run, tmp_path: Path) -> None:
    assert vitaccel("verify", tmp_path / "none").refused().endswith("must be a directory that vitaccel gen-rtl wrote")


def test_waveforms_need_a_folder(vitaccel: Run, folder: Path, tmp_path: Path) -> None:
    sentence = vitaccel("verify", folder, "--waveform", tmp_path / "none").refused()
    assert sentence == f"directory {tmp_path / 'none'} of waveforms must exist"
