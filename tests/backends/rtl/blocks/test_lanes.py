from __future__ import annotations

import re

import pytest

from vitaccel.backends.rtl.blocks import lanes
from vitaccel.errors import BlockError, VitaccelError
from vitaccel.reference.gelu import WideGelu


def test_a_gelu_is_that_of_the_spec() -> None:
    spec = WideGelu(bits=12, fraction=8, segments=50)
    assert lanes.gelu_of(spec) == {"table": spec.table, "bits": 12, "fraction": 8, "step_bits": 4}
    assert lanes.GELU.component(lanes=1, bits=12, fraction=8).i.payload.shape()["lanes"].shape.elem_shape.width == 12


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("residual", [0, 1])
@pytest.mark.parametrize("bits", [8, 16])
def test_words_of_a_requantization_have_the_chosen_fields(offset: int, residual: int, bits: int) -> None:
    block = lanes.REQUANTIZE.component(offset=offset, residual=residual, bits=bits)
    optional = {"offset": offset, "residual": residual, "narrow": bits == 16}
    fields = {"lanes", "multiplier", "shift", "last", *(name for name, is_there in optional.items() if is_there)}
    assert set(block.i.payload.shape().members) == fields


def test_options_that_do_not_go_together_are_refused() -> None:
    sentence = "block requantize: acc_bits of a requantization must be an integer from 16 to 34, not 35"
    with pytest.raises(BlockError, match=f"^{re.escape(sentence)}$"):
        lanes.REQUANTIZE.component(acc_bits=35)
    with pytest.raises(VitaccelError, match=r"^segments of gelu must be 1 to 64, where the last code is, not 128$"):
        lanes.GELU.component(bits=16, fraction=13, segments=128)
    with pytest.raises(BlockError, match=r"^slots of block activation must be 1, 2, 4, 8 or 16, not 3$"):
        lanes.ACTIVATION.component(slots=3)
    with pytest.raises(BlockError, match=r"^update_bits of block residual must be 2 to 48, not 49$"):
        lanes.RESIDUAL.component(update_bits=49)
