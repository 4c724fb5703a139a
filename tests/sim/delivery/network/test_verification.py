"""A delivery is verified by the command as a user does it; one wrong bit, and it names where that is seen first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sim.delivery.network.micro import IMAGES, network, write
from vitaccel.backends.rtl.program_file import decode_program
from vitaccel.cli import main
from vitaccel_rtl.accelerator.isa import BUFFERS
from vitaccel_sim.accelerator import acceptance

Run = Callable[..., tuple[int, str]]
WRONG = re.compile(
    r"^run 0: instruction (\d+) \((.+)\): (%\S+|\S+) must be (-?\d+) at token (\d+), channel (\d+), not "
)

NEAR = 0.03
"""Of the prediction: cycles under random stalls."""


@pytest.fixture
def verify(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command, without the waveform of what is wrong: that is another build, which other tests make."""
    accept = acceptance.accept

    def without_waveform(request: acceptance.Request, *rest: Any, **told: Any) -> Any:
        return accept(replace(request, waveforms=None), *rest, **told)

    monkeypatch.setattr(acceptance, "accept", without_waveform)

    def run(*arguments: Any) -> tuple[int, str]:
        capfd.readouterr()
        code = main(["verify", *map(str, arguments)])
        return code, capfd.readouterr().out

    return run


def test_every_number_and_the_cycles_are_right(verify: Run, tmp_path: Path) -> None:
    code, out = verify(write(tmp_path), "--json")
    record = json.loads(out)
    assert code == 0, out
    assert (record["equal"], record["images"], record["top1"]) == (True, IMAGES, None)
    assert record["cycles_predicted"] == record["cycles_measured"] == IMAGES * network().cycles
    assert record["utilization"] == pytest.approx(network().utilization)
    assert record["simulated_cycles_per_s"] > 0


@pytest.mark.parametrize(
    "memory", [("--stalls", "0.2"), ("--stalls", "0.5"), ("--jitter", "40"), ("--bandwidth", "1/2", "--stalls", "0.1")]
)
def test_numbers_are_right_under_random_stalls_and_the_cycles_are_near_those_of_the_mean(
    verify: Run, memory: tuple[str, ...], seed: int, tmp_path: Path
) -> None:
    code, out = verify(write(tmp_path), "--outputs-only", *memory, "--seed", seed, "--json")
    record = json.loads(out)
    assert (code, record["equal"], record["cycles_equal"]) == (0, True, None)
    assert record["cycles_measured"] != IMAGES * network().cycles
    assert abs(record["cycles_difference"]) < NEAR


def test_a_bit_of_the_weights_is_found_where_it_is_seen_first(verify: Run, tmp_path: Path) -> None:
    """The weights that are loaded first are those of the patches: the first tensor on the way is wrong."""
    content = bytearray((write(tmp_path) / "weights.bin").read_bytes())
    loads = [
        each.fields for each in decode_program(network().hardware.program).instructions if each.operation == "load"
    ]
    first_weights = next(fields["dram"] for fields in loads if fields.get("buffer") == BUFFERS.index("weight"))
    content[first_weights + 1] ^= 0x40
    (tmp_path / "weights.bin").write_bytes(content)
    code, out = verify(tmp_path, "--images", 1)
    found = WRONG.match(out)
    assert code == 1
    assert found, out
    first = network().hardware.memory.tensors[len(network().hardware.memory.inputs)]
    assert (int(found[1]), found[2]) == (first.instruction, first.layer)
    assert int(found[5]) < first.tokens
    assert int(found[6]) < first.channels


def test_a_bit_of_a_golden_vector_is_found_at_the_output(verify: Run, tmp_path: Path) -> None:
    with np.load(write(tmp_path) / "golden.npz") as stored:
        golden = dict(stored)
    (name,) = (key for key in golden if key.startswith("output."))
    golden[name][0, 0, 0, 3] ^= 1
    np.savez(tmp_path / "golden.npz", **golden)
    code, out = verify(tmp_path, "--images", 1, "--outputs-only")
    found = WRONG.match(out)
    assert code == 1
    assert found, out
    assert int(found[4]) == golden[name][0, 0, 0, 3]
    assert (int(found[5]), int(found[6])) == (0, 3)
    assert int(found[1]) == network().hardware.memory.tensor(name.removeprefix("output.")).instruction
