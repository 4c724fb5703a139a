from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks import layernorm
from vitaccel.errors import BlockError
from vitaccel.reference.layernorm import LayerNorm
from vitaccel.reference.rsqrt import Rsqrt


def test_a_reciprocal_square_root_is_that_of_the_spec() -> None:
    spec = Rsqrt(6, 10)
    assert layernorm.rsqrt_of(spec) == {"table": spec.table, "entry_bits": 10, "centre": spec.centre}


def test_the_row_scale_has_the_root_that_a_layernorm_has() -> None:
    assert LayerNorm.__dataclass_fields__["rsqrt"].default_factory() == Rsqrt()


@pytest.mark.parametrize(("bits", "has_narrow"), [(8, False), (16, True)])
def test_a_wide_result_may_be_narrow_by_word(bits: int, has_narrow: bool) -> None:
    block = layernorm.NORMALIZE.component(lanes=2, bits=bits)
    assert ("narrow" in block.i.payload.shape().members) == has_narrow
    assert block.o.payload.shape()["lanes"].shape.elem_shape.width == bits


def test_a_width_in_between_is_refused() -> None:
    with pytest.raises(BlockError, match=r"^bits of block layernorm-normalize must be 8 or 16, not 12$"):
        layernorm.NORMALIZE.component(bits=12)
