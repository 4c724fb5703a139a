"""The cocotb bench of a delivered network, run by its own make; one wrong bit and it fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.sim.delivery.network.micro import IMAGES, network, write
from tests.sim.delivery.test_run import make, share_builds

IN_PREDICTED_CYCLES = "golden_vectors_come_out_in_the_predicted_cycles"
REFUSED = "a_program_of_another_machine_is_refused_and_the_next_run_is_right"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    share_builds(write(tmp_path))
    return tmp_path


def test_the_network_runs_in_the_predicted_cycles(folder: Path, quick_simulator: str) -> None:
    done = make(folder, f"SIM={quick_simulator}", f"TEST={IN_PREDICTED_CYCLES}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"  passed  {IN_PREDICTED_CYCLES}\n" in done.stdout


@pytest.mark.full
def test_a_network_of_experts_takes_the_cycles_of_each_image(tmp_path: Path, quick_simulator: str) -> None:
    made = network("m3vit-micro")
    assert len({image.cycles for image in made.images}) == IMAGES, "the images choose other experts"
    share_builds(write(tmp_path, made))
    done = make(tmp_path, f"SIM={quick_simulator}", f"TEST={IN_PREDICTED_CYCLES}", f"IMAGES={IMAGES}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"  passed  {IN_PREDICTED_CYCLES}\n" in done.stdout


@pytest.mark.full
def test_a_wrong_output_is_named(folder: Path, quick_simulator: str) -> None:
    """Of a golden vector with a bit that is not the hardware's."""
    with np.load(folder / "golden.npz") as stored:
        golden = dict(stored)
    (name,) = (key for key in golden if key.startswith("output."))
    golden[name][0, 0, 0, 2] ^= 1
    np.savez(folder / "golden.npz", **golden)
    done = make(folder, f"SIM={quick_simulator}", f"TEST={IN_PREDICTED_CYCLES}")
    assert done.returncode != 0
    assert f"must be {golden[name][0, 0, 0, 2]} at token 0, channel 2, not" in done.stdout


@pytest.mark.full
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_the_whole_bench(folder: Path, simulator: str) -> None:
    done = make(folder, f"SIM={simulator}", "IMAGES=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  passed  ") == 3


def test_the_driver_is_compiled_and_the_verilog_has_no_warning(folder: Path) -> None:
    done = make(folder, "driver", "CFLAGS=-Wall -Wextra -Werror")
    assert done.returncode == 0, done.stderr
    assert (folder / "vitaccel_driver.o").exists()


def test_make_tells_of_a_python_without_vitaccel(folder: Path) -> None:
    done = subprocess.run(["make", "PYTHON=false"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "vitaccel must be installed in false" in done.stderr


def test_the_delivered_bench_has_the_tests_of_vitaccel_s() -> None:
    text = network().files["test_vitaccel.py"].decode()
    assert all(f"    {name},\n" in text for name in (IN_PREDICTED_CYCLES, REFUSED))
