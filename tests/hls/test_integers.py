"""A width that is checked refuses what does not fit it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import run_cpp

LEGAL = {"Int<5>": (-16, 15), "UInt<5>": (0, 31), "Int<32>": (-(2**31), 2**31 - 1), "UInt<1>": (0, 1), "Int<64>": (-5,)}


@pytest.mark.parametrize("kind", LEGAL)
def test_a_number_that_fits_stays_what_it_is(kind: str) -> None:
    rows = np.array(LEGAL[kind])[:, None]
    np.testing.assert_array_equal(run_cpp("integers", f"const {kind} x = in[0]; out[0] = int64_t(x);", rows), rows)


@pytest.mark.parametrize(
    ("kind", "number"), [("Int<5>", 16), ("Int<5>", -17), ("UInt<5>", 32), ("UInt<5>", -1), ("UInt<1>", 2)]
)
def test_a_number_that_does_not_fit_ends_the_program(kind: str, number: int) -> None:
    with pytest.raises(AssertionError, match=f"{number} must fit"):
        run_cpp("integers", f"const {kind} x = in[0]; out[0] = int64_t(x);", [[number]])
