"""The matrices of resizing and pooling are what PyTorch computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vitaccel.frontend.recognize.interpolation import pool_matrix, resize_matrix
from vitaccel.ir.ops import Pool2d, Resize2d

SIZES = [
    ((5, 7), (3, 3)),
    ((14, 14), (5, 5)),
    ((14, 14), (7, 7)),
    ((3, 4), (6, 9)),
    ((24, 24), (10, 10)),
    ((1, 3), (2, 1)),
]


def columns(old: tuple[int, int]) -> torch.Tensor:
    count = old[0] * old[1]
    return torch.eye(count, dtype=torch.float64).reshape(1, count, *old)


def flat(images: torch.Tensor) -> np.ndarray:
    return images[0].flatten(1).T.numpy()


MODES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"mode": "bilinear", "align_corners": False}),
    ({"antialias": True}, {"mode": "bilinear", "align_corners": False, "antialias": True}),
    ({"coordinates": "align_corners"}, {"mode": "bilinear", "align_corners": True}),
    ({"mode": "nearest", "coordinates": "asymmetric"}, {"mode": "nearest"}),
]


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize(("ours", "theirs"), MODES)
def test_resize(old: tuple[int, int], new: tuple[int, int], ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    matrix = resize_matrix(Resize2d(*new, **ours), *old)
    assert matrix is not None
    assert np.abs(matrix - flat(F.interpolate(columns(old), size=new, **theirs))).max() < 1e-6
    assert np.abs(matrix.sum(axis=1) - 1).max() < 1e-6


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize(("kernel", "stride"), [((2, 2), (2, 2)), ((3, 2), (1, 2))])
def test_pool(kernel: tuple[int, int], stride: tuple[int, int], include: bool, padding: int) -> None:
    op = Pool2d("avg", kernel, stride, (padding,) * 4, include)
    matrix = pool_matrix(op, 5, 8)
    expected = F.avg_pool2d(columns((5, 8)), kernel, stride, padding, count_include_pad=include)
    assert matrix is not None
    assert np.abs(matrix - flat(expected)).max() < 1e-6


def test_what_has_no_matrix() -> None:
    assert pool_matrix(Pool2d("max", (2, 2), (2, 2)), 4, 4) is None
    assert resize_matrix(Resize2d(2, 2, "cubic"), 4, 4) is None
    assert resize_matrix(Resize2d(2, 2, "linear", True, "align_corners"), 4, 4) is None
