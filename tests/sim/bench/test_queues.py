"""The cocotb bench of expert queues and of their router: one wrong bit and a wrong number of cycles are told."""

from __future__ import annotations

import pytest

from vitaccel_sim.point_runs import parameters_of, run_point

QUEUES = "expert-queues"
KINDS = "jobs_of_every_kind"


@pytest.mark.parametrize(("name", "stream"), [(QUEUES, "answer"), (QUEUES, "entry"), ("expert-router", "entry")])
def test_one_wrong_bit_is_told(name: str, stream: str, quick_simulator: str, seed: int) -> None:
    told = parameters_of(name, 0, seed)
    place = next(n for n, job in enumerate(told["long"]) if job[stream])
    told["long"][place][stream][0] ^= 1
    result = run_point(name, 0, seed=seed, parameters=told, testcase=KINDS, simulator=quick_simulator)
    assert f"job {place} of long" in result.failed[KINDS]


def test_a_wrong_number_of_cycles_is_told(quick_simulator: str, seed: int) -> None:
    told = parameters_of(QUEUES, 0, seed)
    told["cycles"]["ready"] += 1
    result = run_point(QUEUES, 0, seed=seed, parameters=told, testcase="declared_cycles", simulator=quick_simulator)
    assert "cycles must be" in result.failed["declared_cycles"]
