"""The command: its tables, its recordings, its mistakes, and the answer that is no."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitaccel.cli.numerics import SECTIONS
from vitaccel.reference.certificate import numerics, promises

Run = Callable[..., Any]


@pytest.fixture
def recording(tmp_path: Path, seed: int) -> Path:
    """Two layers of logits as a trained network has them: heads of different deviation."""
    rng = np.random.default_rng(seed)
    path = tmp_path / "logits.npz"
    scale = np.linspace(0.5, 4, 4)[:, None, None]
    np.savez(path, layer0=rng.normal(0, scale, (4, 30, 50)), layer1=rng.normal(0, scale, (4, 30, 65)))
    return path


def test_the_sections_are_those_that_are_measured() -> None:
    assert numerics.SECTIONS == SECTIONS


def test_one_section(vitaccel: Run) -> None:
    result = vitaccel("numerics", "--section", "gelu")
    assert (result.code, result.err) == (0, "")
    titles = [block.splitlines()[0] for block in result.out.split("\n\n")]
    assert titles == [
        "GELU of every code on [-8, 8]",
        "Ours against the published rows, at the widest output of ours that is no wider",
        "Promises",
    ]
    assert "Q4.12   vitaccel, delta in 64 segments" in result.out


def test_recorded_logits_are_measured_beside_gaussian_ones(vitaccel: Run, recording: Path) -> None:
    record = json.loads(vitaccel("numerics", "--section", "softmax", "--logits", recording, "--json").out)
    gaussian, recorded = record["softmax"]
    assert (gaussian["data"], gaussian["sets"], gaussian["rows"]) == ("gaussian", 6, 2400)
    assert (recorded["data"], recorded["sets"], recorded["rows"]) == ("logits.npz", 2, 240)
    assert {comparison["data"] for comparison in record["comparisons"]} == {"gaussian", "logits.npz"}
    text = vitaccel("numerics", "--section", "softmax", "--logits", recording).out
    assert "Softmax of the same int8 logits, logits.npz: 240 rows in 2 sets" in text


def test_the_seed_chooses_the_rows(vitaccel: Run) -> None:
    first, again, other = (
        json.loads(vitaccel("numerics", "--section", "layernorm", "--seed", seed, "--json").out)["layernorm"]
        for seed in ("0", "0", "3")
    )
    assert first == again != other


def test_json_to_a_file_leaves_the_tables(vitaccel: Run, tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    result = vitaccel("numerics", "--section", "layernorm", "--json", path)
    assert "vitaccel, exact moments" in result.out
    assert json.loads(path.read_text())["holds"] is True


def test_a_broken_promise_is_the_answer_no(vitaccel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stricter = tuple(replace(promise, limit=0) for promise in promises.PROMISES)
    monkeypatch.setattr(promises, "PROMISES", stricter)
    result = vitaccel("numerics", "--section", "gelu", "--json")
    assert result.code == 1
    assert result.err == "warning: a promise does not hold: GELU at Q4.12, all 65,536 codes\n"
    assert json.loads(result.out)["holds"] is False
    assert "NO" in vitaccel("numerics", "--section", "gelu").out


def test_mistakes_are_one_sentence(vitaccel: Run, recording: Path, tmp_path: Path) -> None:
    def sentence(*arguments: str | Path) -> str:
        return str(vitaccel("numerics", *arguments).refused())

    known = "softmax, gelu, layernorm, primitives, all"
    assert sentence("--section", "gelo") == f"--section must be one of {known}, not 'gelo' (did you mean 'gelu'?)"
    assert sentence("--section", "gelu", "--logits", recording) == (
        "--logits must come with --section softmax or all, not gelu"
    )
    assert "missing.npz must be readable" in sentence("--logits", "missing.npz")
    assert "twice" in sentence("--logits", recording, "--logits", recording)
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan))
    assert sentence("--logits", tmp_path / "nan.npy") == "recorded logits 'nan.npy' must be finite, not NaN or infinite"


def test_without_pytorch_it_says_so() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from vitaccel.cli import main; "
        "raise SystemExit(main(['numerics', '--section', 'gelu']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: numerics needs PyTorch: install it with pip install 'vitaccel[torch]'\n"
