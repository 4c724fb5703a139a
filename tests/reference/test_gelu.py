"""The wide GELU: symmetry of the remainder, extremes, widths, integers only."""

from __future__ import annotations

import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.gelu import GATED, WideGelu

ALL = torch.arange(-(1 << 15), 1 << 15)


@pytest.mark.parametrize("kind", GATED)
def test_it_is_relu_minus_something_even(kind: str) -> None:
    spec = WideGelu(kind, segments=128)
    positive = torch.arange(1, 1 << 15)
    up, down = spec.compute(positive), spec.compute(-positive)
    # Both sides subtract the same remainder before they round, so they differ by x.
    assert torch.equal(up - down, positive)


def test_it_computes_in_integers_at_any_shape() -> None:
    spec = WideGelu()
    q = ALL.to(torch.int16).reshape(2, -1, 8)
    out = without_float(spec.compute, q)
    assert out.dtype is torch.int64
    assert torch.equal(out.flatten(), spec.compute(ALL))
    assert spec.compute(q[:, :0]).shape == (2, 0, 8)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(-32768, 0), (-32767, 0), (-16385, 0), (-16384, 0), (0, 0), (16384, 16384), (32766, 32766), (32767, 32767)],
)
def test_extremes(code: int, expected: int) -> None:
    assert WideGelu().compute(torch.tensor(code)).item() == expected


def test_beyond_the_last_knot_it_is_relu() -> None:
    spec = WideGelu(segments=32)
    far = ALL[(ALL.abs() >= 2 * 4096)]
    assert torch.equal(spec.compute(far), far.clamp(min=0))
    assert spec.compute(torch.tensor(-2 * 4096 + 1)) < -100


def test_the_smallest_code_needs_no_bit_more() -> None:
    spec = WideGelu("silu", segments=128)
    assert spec.compute(torch.tensor([-32768])).equal(spec.compute(torch.tensor([-32767])))


@pytest.mark.parametrize("kind", GATED)
def test_knots_are_below_one_and_rise_to_one_maximum(kind: str) -> None:
    table = torch.tensor(WideGelu(kind, segments=128).table)
    assert len(table) == 129
    assert table.min() >= 0
    assert table.max() < 1 << 15
    turns = table.diff().sign()
    assert (turns[turns != 0].diff() != 0).sum() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kind": "relu"}, r"activation must be one of gelu, gelu_tanh, gelu_sigmoid, silu, not 'relu'"),
        ({"bits": 8}, "codes of a wide gelu must have 9 to 32 bits, not 8"),
        ({"bits": 33}, "codes of a wide gelu must have 9 to 32 bits, not 33"),
        ({"step_bits": 13}, "a step of gelu must be 0 to 12 bits behind the binary point, not 13"),
        ({"step_bits": -1}, "a step of gelu must be 0 to 12 bits behind the binary point, not -1"),
        ({"fraction": 16}, "fraction of a wide gelu must be 0 to 15, not 16"),
        ({"segments": 0}, "segments of gelu must be 1 to 128, where the last code is, not 0"),
        ({"segments": 129}, "segments of gelu must be 1 to 128, where the last code is, not 129"),
    ],
)
def test_what_has_no_block_is_refused(arguments: dict[str, int], sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        WideGelu(**arguments)
