"""Rows of logits are no longer than a block takes, whatever is asked for."""

from __future__ import annotations

import random

import pytest

from vitaccel_sim.bench.part import cases_of
from vitaccel_sim.traffic.catalog import TRAFFIC


@pytest.mark.parametrize("block", ["softmax", "softmax-statistics"])
@pytest.mark.parametrize("keys", [1, 7, 256])
def test_rows_are_as_long_as_the_block_takes_and_no_longer(block: str, keys: int, seed: int) -> None:
    options = {"lanes": 2, "fraction_bits": 6, "bits": 8, "keys": keys}
    longest = 0
    for case in cases_of(TRAFFIC[block], options, seed).values():
        length = 0
        for word in case.words:
            assert isinstance(word, dict)
            length = length + 1
            longest = max(longest, length)
            length = 0 if word["last"] else length
    assert longest == keys


def test_every_length_asked_for_is_there_when_rows_may_be_long(seed: int) -> None:
    options = {"lanes": 3, "fraction_bits": 8, "bits": 12}
    case = TRAFFIC["softmax-numerators"].random(options, random.Random(seed), (1, 5, 600))
    assert len(case.words) == 606
