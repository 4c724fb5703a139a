"""The cocotb bench of the DMA engines: a wrong bit, and a rule of AXI that is not kept, are told."""

from __future__ import annotations

import base64

import pytest

from vitaccel_sim.point_runs import parameters_of, run_point

FIRST = "jobs_under_every_behaviour_and_profile"


@pytest.mark.parametrize(
    ("block", "change", "message"),
    [
        ("dma-read", "word", "words must be those of the memory"),
        ("dma-read", "longest_burst", "AR: a burst must have at most 4 beats, not"),
        ("dma-write", "byte", "the memory must be as expected"),
        ("dma-write", "outstanding", "AW: at most 4 bursts may be in flight, not 5"),
    ],
)
def test_what_is_not_as_expected_is_told(
    block: str, change: str, message: str, quick_simulator: str, seed: int
) -> None:
    case = parameters_of(block, 0, seed)
    if change == "word":
        case["expected"][-1] ^= 1
    elif change == "byte":
        after = bytearray(base64.b64decode(case["after"]))
        after[seed % len(after)] ^= 1
        case["after"] = base64.b64encode(after).decode()
    else:
        case["limits"] = {**case["limits"], change: 4}
    result = run_point(block, 0, seed=seed, parameters=case, testcase=FIRST, simulator=quick_simulator)
    assert message in result.failed[FIRST]


@pytest.mark.parametrize("block", ["dma-read", "dma-write"])
def test_a_cycle_that_is_not_declared_is_told(block: str, quick_simulator: str, seed: int) -> None:
    case = parameters_of(block, 0, seed)
    case["engine"]["outstanding"] = 1
    result = run_point(block, 0, seed=seed, parameters=case, testcase="declared_cycles", simulator=quick_simulator)
    assert "beats differ with a memory of " in result.failed["declared_cycles"]
