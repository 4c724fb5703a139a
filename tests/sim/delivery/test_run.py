"""A delivered block is run by its own make, with nothing but this Python; one wrong bit and it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel_sim.delivery.run import main
from vitaccel_sim.verilate import BUILD_FOLDER

Deliver = Callable[..., Any]

SIMULATORS = [
    "verilator",
    pytest.param("icarus", marks=pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus is not installed")),
]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a user does: what the make that runs this test was told (SEED=7, say) is not handed down."""
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    told = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "SEED"}
    alone = {name: value for name, value in os.environ.items() if name not in told}
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False)


def share_builds(folder: Path) -> None:
    """Build where all tests do: Verilator's runtime is most of the work, and there already."""
    BUILD_FOLDER.mkdir(parents=True, exist_ok=True)
    (folder / "sim_build").symlink_to(BUILD_FOLDER.resolve())


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_make_runs_the_bench_and_one_wrong_bit_fails_it(delivered: Deliver, tmp_path: Path, simulator: str) -> None:
    delivery = delivered("exp2", lanes=2)
    share_builds(tmp_path)
    done = make(tmp_path, f"SIM={simulator}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^  passed  (\w+)$", done.stdout, re.MULTILINE) == list(delivery.bench.tests)
    assert f"in {simulator}: seed 0\n" in done.stdout

    flip_a_bit_of_an_expected_word(tmp_path / "exp2_lanes2.json")
    done = make(tmp_path, f"SIM={simulator}", "TEST=extremes")
    assert done.returncode != 0
    assert "  FAILED  extremes: " in done.stdout
    assert f"with a waveform: make exp2_lanes2 SIM={simulator} SEED=0 TEST=extremes WAVES=1" in done.stdout


def flip_a_bit_of_an_expected_word(path: Path) -> None:
    before, expected, after = re.split(r'("extremes": .*?"expected": \[\s*"0x\w*)', path.read_text(), flags=re.DOTALL)
    path.write_text(before + expected[:-1] + f"{int(expected[-1], 16) ^ 1:x}" + after)


@pytest.mark.parametrize(
    ("name", "options", "test"),
    [
        ("arbiter", {"sources": 3, "width": 5}, "declared_latency"),
        (
            "buffer",
            {"words": 2048, "banks": 1, "readers": 1, "writers": 1},
            "a_reader_that_takes_nothing_stops_nobody_else",
        ),
        ("registers", {"parameters": 3, "address_bits": 20}, "every_register_and_every_byte"),
        ("gather", {"side": 4, "in_flight": 3}, "declared_latency"),
        ("expert-queues", {"lanes": 4, "experts": 3}, "declared_cycles"),
        ("dma-write", {"burst_beats": 16}, "an_error_is_told_of_its_job"),
    ],
)
def test_benches_of_other_blocks_run_at_any_options(
    delivered: Deliver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick_simulator: str,
    name: str,
    options: dict[str, int],
    test: str,
) -> None:
    delivery = delivered(name, **options)
    share_builds(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert test in delivery.bench.tests
    assert main([delivery.generated.name, "--simulator", quick_simulator, "--test", test]) == 0


def test_a_waveform_on_request(delivered: Deliver, tmp_path: Path) -> None:
    simulator, suffix = ("icarus", "fst") if shutil.which("iverilog") else ("verilator", "vcd")
    delivered("skid-buffer", width=8)
    done = make(tmp_path, f"SIM={simulator}", "WAVES=1", "TEST=declared_latency", "SEED=5", "skid_buffer_width8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 5\n" in done.stdout
    assert f"wrote skid_buffer_width8.{suffix}" in done.stdout
    assert (tmp_path / f"skid_buffer_width8.{suffix}").stat().st_size > 100
    assert make(tmp_path, "clean").returncode == 0
    assert not (tmp_path / f"skid_buffer_width8.{suffix}").exists()
    assert not (tmp_path / "sim_build").exists()


def test_several_blocks_in_one_folder(
    delivered: Deliver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("skid-buffer", "fifo"):
        delivered(name, width=8)
    done = make(tmp_path, "lint")
    assert done.stdout.splitlines() == ["fifo_width8.sv: no warnings", "skid_buffer_width8.sv: no warnings"]
    source = tmp_path / "fifo_width8.sv"
    source.write_text(source.read_text().replace("endmodule", "  wire [3:0] narrow = 8'hff;\nendmodule", 1))
    monkeypatch.chdir(tmp_path)
    assert main(["fifo_width8", "skid_buffer_width8", "--lint"]) == 1
    assert "%Warning-WIDTHTRUNC: fifo_width8.sv" in capsys.readouterr().out


def test_what_cannot_be_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["absent"]) == 2
    assert capsys.readouterr().err.startswith("error: [Errno 2] No such file or directory: 'absent.json'")


def test_a_python_without_vitaccel_is_told(delivered: Deliver, tmp_path: Path) -> None:
    delivered("skid-buffer", width=8)
    done = make(tmp_path, "PYTHON=false")
    assert done.returncode == 2
    assert "vitaccel must be installed in false: name another Python with make PYTHON=..." in done.stderr
