"""The residual addition: extremes, an update that is not saturated yet, shapes, integers only."""

from __future__ import annotations

import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.residual import ResidualAdd


@pytest.mark.parametrize(
    ("update", "residual", "total"),
    [
        (0, 0, 0),
        (32767, 1, 32767),
        (32767, 32767, 32767),
        (-32768, -1, -32768),
        (-32768, -32768, -32768),
        (-32768, 32767, -1),
        (40_000, -32768, 7232),  # not saturated before the sum
        (-(2**47), 32767, -32768),
        (2**47, -32768, 32767),
    ],
)
def test_one_sum_one_saturation(update: int, residual: int, total: int) -> None:
    got = without_float(ResidualAdd().compute, torch.tensor([update]), torch.tensor([residual], dtype=torch.int16))
    assert got.dtype is torch.int64
    assert got.tolist() == [total]


def test_int16_operands_do_not_wrap_and_stay_as_they_were() -> None:
    a, b = torch.full((2, 3), 32767, dtype=torch.int16), torch.full((2, 3), 32767, dtype=torch.int16)
    assert ResidualAdd().compute(a, b).tolist() == [[32767] * 3] * 2
    wide = torch.tensor([5, 6])
    ResidualAdd().compute(wide, wide)
    assert wide.tolist() == [5, 6]


def test_other_widths() -> None:
    x = torch.tensor([127, 100])
    assert ResidualAdd(8).compute(x, x).tolist() == [127, 127]
    assert ResidualAdd(9).compute(x, x).tolist() == [254, 200]
    with pytest.raises(NumericsError, match="a residual stream must have 8 to 32 bits, not 7"):
        ResidualAdd(7)


def test_shapes_must_be_equal() -> None:
    with pytest.raises(NumericsError, match=r"a residual must have the shape \[2, 3\], not \[3\]"):
        ResidualAdd().compute(torch.zeros((2, 3), dtype=torch.int16), torch.zeros(3, dtype=torch.int16))
