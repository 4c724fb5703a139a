"""The PLL of an ECP5, EHXPLLL: the dividers that make a clock of another."""

from __future__ import annotations

from dataclasses import dataclass

VCO_MHZ = (400.0, 800.0)
PHASE_MHZ = (10.0, 400.0)
OUTPUT_MHZ = (3.125, 400.0)
MOST = 128
"""Lattice FPGA-DS-02012, sysCLOCK PLL: ranges of the oscillator, of the phase detector and of outputs; of a divider."""


@dataclass(frozen=True, kw_only=True)
class Pll:
    """Dividers of an EHXPLLL whose feedback is its own output.

    Parameters
    ----------
    reference_mhz
        The clock that it is given.
    reference, feedback, output
        ``CLKI_DIV``, ``CLKFB_DIV``, ``CLKOP_DIV``.
    """

    reference_mhz: float
    reference: int
    feedback: int
    output: int

    @property
    def frequency_mhz(self) -> float:
        """Of the clock that it makes."""
        return self.reference_mhz * self.feedback / self.reference

    @property
    def vco_mhz(self) -> float:
        """Of its oscillator."""
        return self.frequency_mhz * self.output


def pll_for(frequency_mhz: float, *, reference_mhz: float) -> Pll:
    """Return the dividers for a clock as fast as can be made that is not faster than *frequency_mhz*.

    Of several, those with the fastest phase detector, and the oscillator nearest to the middle of its range.

    Raises
    ------
    ValueError
        If there is no such clock.
    """
    found = [
        pll
        for reference in range(1, MOST + 1)
        if PHASE_MHZ[0] <= reference_mhz / reference <= PHASE_MHZ[1]
        for feedback in range(1, MOST + 1)
        for output in range(1, MOST + 1)
        if _is_possible(
            pll := Pll(reference_mhz=reference_mhz, reference=reference, feedback=feedback, output=output),
            frequency_mhz,
        )
    ]
    if not found:
        raise ValueError(f"a clock of {frequency_mhz:g} MHz must be one that a PLL makes of {reference_mhz:g} MHz")
    middle = sum(VCO_MHZ) / 2
    return max(found, key=lambda pll: (pll.frequency_mhz, -pll.reference, -abs(pll.vco_mhz - middle)))


def _is_possible(pll: Pll, most_mhz: float) -> bool:
    in_range = OUTPUT_MHZ[0] <= pll.frequency_mhz <= min(most_mhz, OUTPUT_MHZ[1])
    return in_range and VCO_MHZ[0] <= pll.vco_mhz <= VCO_MHZ[1]
