"""Rows of logits are no longer than a block takes, whatever is asked for."""

from __future__ import annotations

import random

import pytest
import torch

from vitaccel.reference.softmax import NUMERATOR_FRACTIONS, OnlineSoftmax
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


@pytest.mark.parametrize(("fraction_bits", "bits"), [(6, 8), (8, 8), (6, 12), (8, 12)])
def test_some_numerators_are_a_half_or_the_most_below(fraction_bits: int, bits: int) -> None:
    options = {"lanes": 1, "fraction_bits": fraction_bits, "bits": bits}
    wide, narrow = (OnlineSoftmax(fraction_bits, width) for width in (16, bits))
    dropped = 15 - NUMERATOR_FRACTIONS[bits]
    half = 1 << dropped - 1
    rounded: dict[int, list[tuple[int, int]]] = {half: [], half - 1: []}
    for word in TRAFFIC["softmax-numerators"].directed(options).words:
        assert isinstance(word, dict)
        y, m = torch.tensor([word["lanes"]]), torch.tensor([word["m"][0]])
        power = int(wide.numerators(y, m))
        rounded.setdefault(power % (2 * half), []).append((power >> dropped, int(narrow.numerators(y, m))))
    assert len(rounded[half]) > 2
    assert len(rounded[half - 1]) > 2
    assert all(u == whole + 1 for whole, u in rounded[half])
    assert all(u == whole for whole, u in rounded[half - 1])
