"""What runs the bench of a network: exit codes, and one sentence where it cannot be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vitaccel_sim.cocotb_runner import BenchResult
from vitaccel_sim.delivery.network import run
from vitaccel_sim.delivery.network.run import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vitaccel.sv").write_text("module vitaccel; endmodule\n")
    return tmp_path


def result(**given: Any) -> BenchResult:
    return BenchResult(**{"passed": (), "failed": {}, "seed": 3, "waveform": None, "coverage": {}, **given})


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (result(passed=("a", "b")), 0, "  passed  a\n  passed  b\n"),
        (result(passed=("a",), failed={"b": "it broke"}), 1, "  passed  a\n  FAILED  b: it broke\n"),
        (result(), 1, "  FAILED  no test ran\n"),
        (result(passed=("a",), waveform=Path("x.vcd")), 0, "  passed  a\n  wrote x.vcd\n"),
    ],
)
def test_how_it_ends(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: BenchResult, code: int,
    said: str,
) -> None:  # fmt: skip
    told: dict[str, Any] = {}

    def bench(verilog: Any, module: str, **given: Any) -> BenchResult:
        told.update(given, module=module, text=verilog.text)
        return found

    monkeypatch.setattr(run, "run_bench", bench)
    assert main(["--images", "2", "--simulator", "icarus", "--test", "a", "--seed", "3"]) == code
    assert capsys.readouterr().out == said
    assert told["parameters"] == {"folder": str(here), "images": 2}
    assert (told["module"], told["simulator"], told["testcase"], told["seed"]) == ("test_vitaccel", "icarus", "a", 3)
    assert told["waveform"] is None


def test_a_folder_without_a_network_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    assert "vitaccel.sv" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_warnings_of_verilator_are_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lint"]) == 0
    Path("vitaccel.sv").write_text("module vitaccel(input wire [3:0] a, output wire b); assign b = a; endmodule\n")
    assert main(["--lint"]) == 1
    assert "WIDTH" in capsys.readouterr().out
