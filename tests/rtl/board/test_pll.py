from __future__ import annotations

import pytest

from vitaccel_rtl.board.pll import PHASE_MHZ, VCO_MHZ, Pll, pll_for


@pytest.mark.parametrize("frequency", [25.0, 50.0, 62.5, 75.0, 100.0])
def test_clocks_that_can_be_made_are_made_exactly(frequency: float) -> None:
    pll = pll_for(frequency, reference_mhz=25.0)
    assert pll.frequency_mhz == frequency
    assert VCO_MHZ[0] <= pll.vco_mhz <= VCO_MHZ[1]
    assert PHASE_MHZ[0] <= pll.reference_mhz / pll.reference


def test_a_clock_is_never_faster_than_asked_for() -> None:
    assert pll_for(80.0, reference_mhz=25.0) == Pll(reference_mhz=25.0, reference=1, feedback=3, output=8)


def test_what_no_pll_makes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a clock of 3 MHz must be one that a PLL makes of 25 MHz$"):
        pll_for(3.0, reference_mhz=25.0)
