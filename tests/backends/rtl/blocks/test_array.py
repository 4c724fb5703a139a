from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.array import ARRAY
from vitaccel.errors import BlockError
from vitaccel_rtl.array import Array


def test_an_array_has_the_chosen_side_and_sums() -> None:
    array = ARRAY.component(side=4, accumulator_bits=20)
    assert isinstance(array, Array)
    assert (array.side, array.accumulator_bits) == (4, 20)


@pytest.mark.parametrize(("macs_per_multiplier", "multipliers"), [(1, 25), (2, 15)])
def test_two_rows_may_share_multipliers(macs_per_multiplier: int, multipliers: int) -> None:
    assert ARRAY.component(side=5, macs_per_multiplier=macs_per_multiplier).multipliers == multipliers


@pytest.mark.parametrize("digits", [0, 1])
def test_words_say_where_a_digit_begins_if_there_are_digits(digits: int) -> None:
    members = ARRAY.component(side=2, digits=digits).i.payload.shape().members
    assert ("next_digit" in members) == bool(digits)


def test_sums_narrower_than_a_product_and_a_bit_are_refused() -> None:
    with pytest.raises(BlockError, match=r"^accumulator_bits of block array must be 17 to 48, not 16$"):
        ARRAY.component(accumulator_bits=16)
