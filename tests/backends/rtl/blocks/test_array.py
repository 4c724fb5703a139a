from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.array import ARRAY
from vitaccel.errors import BlockError
from vitaccel_rtl.array import Array


def test_an_array_has_the_chosen_side_and_sums() -> None:
    array = ARRAY.component(side=4, accumulator_bits=20)
    assert isinstance(array, Array)
    assert (array.side, array.accumulator_bits) == (4, 20)


def test_sums_narrower_than_a_product_and_a_bit_are_refused() -> None:
    with pytest.raises(BlockError, match=r"^accumulator_bits of block array must be 17 to 48, not 16$"):
        ARRAY.component(accumulator_bits=16)
