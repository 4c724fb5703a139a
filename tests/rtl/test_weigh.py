# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Weighing lanes give the updates of the reference, and 17 bits of one are as good as all of it."""

from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from vitaccel.reference.fixed_point import saturate
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_rtl.weigh import UPDATE_BITS, Weigh
from vitaccel_sim.traffic.weigh import case, extreme_words, some_words


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_integers_of_the_reference(profile: Profile, seed: int) -> None:
    words = case(some_words({"lanes": 3}, random.Random(seed), (1, 2, 3, 60)))
    assert run(Weigh(lanes=3), words.words, len(words.words), profile, seed).words == words.expected


@pytest.mark.parametrize("lanes", [1, 4, 5, 8, 16])
def test_the_extremes_at_the_declared_latency(lanes: int) -> None:
    words, block = case(extreme_words({"lanes": lanes})), Weigh(lanes=lanes)
    result = run(block, words.words, len(words.words))
    assert result.words == words.expected
    check_full_speed(result, block)


def test_a_sum_saturates_alike_with_an_update_of_17_bits() -> None:
    """Every int16 with every update near the ends: the bound is the least that will do."""
    totals = torch.arange(-(1 << 15), 1 << 15)
    for end in (1 << UPDATE_BITS - 1, -(1 << UPDATE_BITS - 1)):
        for update in range(end - 3, end + 4):
            cut = int(saturate(torch.tensor(update), UPDATE_BITS))
            assert torch.equal(saturate(totals + update, 16), saturate(totals + cut, 16)), update
    assert not torch.equal(saturate(totals + (1 << 16), 16), saturate(totals + (1 << 15) - 1, 16))


def test_a_changed_rounding_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    words = case(extreme_words({"lanes": 4}))
    monkeypatch.setattr("vitaccel_rtl.weigh.round_off", lambda value: value[1:].as_signed())
    assert run(Weigh(lanes=4), words.words, len(words.words)).words != words.expected


def test_verilog_is_clean() -> None:
    assert lint(to_verilog(Weigh(lanes=3), name="weigh")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("lanes of a weighing must be an integer from 1 to 256, not 0", Weigh, lanes=0)
