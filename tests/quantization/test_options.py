"""Options are checked when they are made."""

from __future__ import annotations

from typing import Any

import pytest

from vitaccel.errors import VitaccelError
from vitaccel.quantization.options import QuantizationOptions


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"weight_bits": 6}, "weight_bits must be 4 or 8, not 6"),
        ({"activation_range": "kl"}, "activation_range must be one of mse, percentile, max, not 'kl'"),
        ({"percentile": 101.0}, "percentile must be 50 to 100, not 101.0"),
        ({"headroom": 0.9}, "headroom must be 1 to 16, not 0.9"),
        ({"rounding": "up"}, "rounding must be one of auto, nearest, compensated, not 'up'"),
        ({"damping": 0.0}, "damping must be 1e-6 to 1, not 0.0"),
        ({"correction_images": 0}, "correction_images must be 1 to 1024, not 0"),
    ],
)
def test_what_is_impossible_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(VitaccelError) as caught:
        QuantizationOptions(**wrong)
    assert str(caught.value) == sentence


def test_four_bits_are_compensated_unless_told_otherwise() -> None:
    assert QuantizationOptions(weight_bits=4).compensated
    assert not QuantizationOptions(weight_bits=4, rounding="nearest").compensated
    assert not QuantizationOptions().compensated
    assert QuantizationOptions(rounding="compensated").compensated
