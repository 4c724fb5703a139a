"""The primitives: errors that are known in closed form or from other measurements."""

from __future__ import annotations

from math import log, sqrt

import pytest

from vitaccel.reference.certificate.entry import OURS
from vitaccel.reference.certificate.primitive_table import PrimitiveRow, measure_primitives


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], PrimitiveRow]:
    found = measure_primitives()
    assert len({(row.function, row.method) for row in found}) == len(found)
    return {(row.function, row.method): row for row in found}


def chord(ends: float) -> float:
    """Largest relative error of a chord of ``2**x`` between 0 and *ends*."""
    slope = (2**ends - 1) / ends
    x = 1 / log(2) - 1 / slope
    return (1 + slope * x) / 2**x - 1


@pytest.mark.parametrize(
    ("key", "error", "tolerance"),
    [
        (("2^x", "ITA, shift only"), sqrt(2) - 1, 1e-3),
        (("2^x", "Softermax, four chords"), chord(0.25), 1e-3),
        (("2^x, x rounded", "Softermax, 2 fraction bits"), 2**0.125 - 1, 5e-3),
        (("2^x, x rounded", "vitaccel, 6 fraction bits"), 2 ** (1 / 128) - 1, 5e-3),
        (("2^x", "I-ViT shifts"), 6.15e-2, 0.05),
        (("2^x", "I-BERT parabola"), 3.31e-3, 0.02),
        (("2^x, x rounded", "vitaccel, 8 fraction bits"), 1.5e-3, 0.05),
    ],
)
def test_an_error_is_what_it_should_be(
    rows: dict[tuple[str, str], PrimitiveRow], key: tuple[str, str], error: float, tolerance: float
) -> None:
    assert rows[key].max_relative == pytest.approx(error, rel=tolerance)


def test_ours_are_within_what_the_design_asks(rows: dict[tuple[str, str], PrimitiveRow]) -> None:
    worst = {function: 0.0 for function, _ in rows}
    for row in rows.values():
        if row.kind == OURS:
            worst[row.function] = max(worst[row.function], row.max_relative)
    assert worst["2^x"] < 1.34e-4
    assert worst["1/x"] < 9.5e-5
    assert worst["1/sqrt(x)"] < 2e-5
    row = rows["1/x", "Softermax, eight chords"]
    assert (row.candidate().bits, row.candidate().errors) == (8, (("max_relative", row.max_relative),))
