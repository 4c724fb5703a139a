"""What a run is blamed for."""

from __future__ import annotations

import dataclasses

import numpy as np

from vitaccel_sim.model import StreamRun
from vitaccel_sim.mutation.trials import Promise, Trial, fault

PROMISE = Promise(latency_cycles=2, is_pipelined=True)

TRIAL = Trial(name="a row", words=np.zeros(3, np.uint8), expected=(7, 8, 9), offer=[True], take=[True], first_row=3)


def a_run(offered: list[int]) -> StreamRun:
    return StreamRun(
        words=TRIAL.expected,
        cycles=10,
        accepted=np.array([0, 1, 2]),
        offered=np.array(offered),
        taken=np.array(offered),
        payloads_changed=0,
        valids_fell=0,
        words_too_many=0,
    )


def test_a_row_comes_out_without_a_gap() -> None:
    assert fault(TRIAL, a_run([4, 5, 6]), PROMISE) == ""
    assert fault(TRIAL, a_run([4, 6, 7]), PROMISE) == "throughput"


def test_a_gap_is_allowed_where_none_was_promised() -> None:
    assert fault(TRIAL, a_run([4, 6, 7]), dataclasses.replace(PROMISE, is_pipelined=False)) == ""
    assert fault(dataclasses.replace(TRIAL, first_row=0), a_run([4, 6, 7]), PROMISE) == ""


def test_the_first_word_comes_when_the_block_says() -> None:
    assert fault(TRIAL, a_run([5, 6, 7]), PROMISE) == "latency"
