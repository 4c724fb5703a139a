from __future__ import annotations

from typing import Any

import pytest

from vitaccel.ir.ops import Conv2d, Pool2d, Resize2d


def test_convolutions(agrees: Any, weight: Any) -> None:
    agrees(Conv2d((2, 1), (1, 0, 2, 1), (1, 2), 2), (1, 4, 9, 8), weight(6, 2, 3, 2), weight(6))
    agrees(Conv2d(), (1, 4, 5, 5), weight(6, 4, 1, 1))


@pytest.mark.parametrize("include_pad", [False, True])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_poolings(agrees: Any, kind: str, include_pad: bool) -> None:
    agrees(Pool2d(kind, (3, 2), (2, 1), (1, 0, 1, 1), include_pad and kind == "avg"), (1, 3, 8, 7))


@pytest.mark.parametrize("size", [(3, 4), (9, 13)])
@pytest.mark.parametrize(
    ("mode", "antialias", "coordinates"),
    [("linear", False, "half_pixel"), ("linear", False, "align_corners"), ("linear", False, "asymmetric"),
     ("linear", True, "half_pixel"), ("nearest", False, "half_pixel"), ("nearest", False, "asymmetric")],
)  # fmt: skip
def test_resizings(agrees: Any, size: tuple[int, int], mode: str, antialias: bool, coordinates: str) -> None:
    agrees(Resize2d(*size, mode, antialias, coordinates), (1, 2, 6, 7))
