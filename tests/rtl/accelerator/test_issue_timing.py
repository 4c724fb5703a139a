"""The timing of issue, by hand: what each part adds. That the machine takes as long shows `test_control`."""

from __future__ import annotations

from itertools import pairwise

import pytest

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.issue_timing import Issue, Issued, replay

ONE = Issued(engine="compute", occupied=1, latency=1)
NEXT = Issued(engine="store", waits=(0, 1, 0, 0), occupied=1, latency=1)


def test_the_first_instruction_starts_when_header_and_words_have_come() -> None:
    """17 + L cycles for each first word, 8 beats of the header; routing; a queue; 16 words, through two registers."""
    issue = Issue(memory_latency=5)
    assert issue.first_word == 17 + 5
    assert issue.header_known == 22 + 8
    asked = 31
    routed = asked + 22 + 1
    loaded = routed + latency.STREAM_FIFO + 17
    assert loaded == 73
    assert issue.start("load", (0, 0, 0, 0)) == 80


def test_instructions_of_one_engine_follow_every_24_cycles() -> None:
    starts = replay([ONE] * 6, memory_latency=5).starts
    assert {later - earlier for earlier, later in pairwise(starts)} == {24}
    assert latency.FRONT == 18


def test_a_memory_that_gives_a_word_every_fourth_cycle_gives_an_instruction_every_64() -> None:
    """The first starts when its last word has come, through two registers; a memory that keeps up changes nothing."""
    fast, slow = (Issue(memory_latency=5, words_per_cycle=rate) for rate in (1.0, 0.25))
    starts = [[issue.start("compute", (0, 0, 0, 0)) for _ in range(6)] for issue in (fast, slow)]
    assert starts[0] == [*replay([ONE] * 6, memory_latency=5).starts]
    assert {later - earlier for earlier, later in pairwise(starts[1])} == {64}
    header_known = 22 + 4 * 8
    assert starts[1][0] == -(-(header_known + 1 + 22 + 64 + latency.STREAM_FIFO) // 8) * 8 > starts[0][0]


def test_an_engine_that_is_occupied_longer_is_never_kept_waiting() -> None:
    starts = replay([Issued(engine="compute", occupied=33, latency=70)] * 6, memory_latency=200).starts
    assert {later - earlier for earlier, later in pairwise(starts)} == {40}


@pytest.mark.parametrize(("cycles", "start"), [(206, 208), (207, 216), (214, 216)])
def test_a_completion_lets_one_start_two_cycles_later(cycles: int, start: int) -> None:
    first = Issued(engine="compute", occupied=1, latency=cycles)
    begun, following = replay([first, NEXT], memory_latency=5).starts
    assert following - begun == start


def test_a_full_queue_keeps_others_waiting() -> None:
    slow = Issued(engine="load", occupied=1000, latency=1000)
    free = Issued(engine="vector", occupied=1, latency=1)
    starts = replay([slow] * 4 + [free], memory_latency=5, queued=1).starts
    assert starts[-1] > starts[1], "in the queue and in the front there is one each"
    assert replay([slow] * 4 + [free], memory_latency=5, queued=8).starts[-1] < starts[1]


def test_a_run_ends_after_the_last_completion() -> None:
    run = replay([ONE, NEXT], memory_latency=5)
    assert run.dones == tuple(start + 1 for start in run.starts)
    assert run.cycles == max(run.dones) + latency.RUN_END
    assert replay([], memory_latency=5).cycles == 30 + latency.RUN_END


def test_a_wait_for_a_later_instruction_is_refused() -> None:
    sentence = r"^an instruction must wait for 0 completions of compute or less, not 1$"
    with pytest.raises(ValueError, match=sentence):
        replay([NEXT, ONE], memory_latency=5)
