"""Windows of convolutions and interpolations hold what is read through them."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.ir.types import TensorType
from vitaccel.passes.lowering.window import convolution_window, interpolation_window


def test_a_pointwise_convolution_needs_no_window() -> None:
    image = TensorType((1, 3, 5, 7))
    assert convolution_window(image, image, (1, 1), (1, 1), (0, 0, 0, 0)) is None


def test_a_window_has_the_geometry_of_its_convolution() -> None:
    before, after = TensorType((1, 3, 9, 7)), TensorType((1, 3, 4, 6))
    window = convolution_window(before, after, (3, 2), (2, 1), (1, 0, 0, 0), (2, 1))
    assert window is not None
    assert (window.height, window.width, window.out_width) == (9, 7, 6)
    assert (window.size, window.before, window.numerator, window.denominator) == (5, 1, 2, 1)
    # Output row 1 lies on input rows 1, 3 and 5.
    assert window.span(6, 6) == (1 * 7, 5 * 7)
    assert window.span(0, 1) == (0, 4 * 7)


def linear_rows(before: int, after: int, coordinates: str, antialias: bool) -> list[set[int]]:
    """Input rows with a weight in every output row."""
    scale = before / after
    rows = []
    for y in range(after):
        at = {
            "half_pixel": (y + 0.5) * scale - 0.5,
            "align_corners": y * (before - 1) / max(1, after - 1),
            "asymmetric": y * scale,
        }[coordinates]
        reach = max(1.0, scale) if antialias else 1.0
        rows.append({r for r in range(before) if abs(r - np.clip(at, 0, before - 1)) < reach or abs(r - at) < reach})
    return rows


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
def test_an_interpolation_sees_its_support(coordinates: str, antialias: bool) -> None:
    for before in range(1, 15):
        for after in range(1, 15):
            types = TensorType((1, 1, before, 3)), TensorType((1, 1, after, 2))
            window = interpolation_window(*types)
            for y, wanted in enumerate(linear_rows(before, after, coordinates, antialias)):
                first, count = window.span(2 * y, 2)
                assert wanted <= set(range(first // 3, (first + count) // 3)), (before, after, y)
