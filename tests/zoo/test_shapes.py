from dataclasses import replace

import pytest

from vitaccel.errors import VitaccelError
from vitaccel.zoo.shapes import DIGITS, HYBRID_MICRO, LOOKUP_MICRO, M3VIT, PLAIN, PLAIN_MICRO, VMOE, MoeShape

MICROS = [PLAIN_MICRO, LOOKUP_MICRO, HYBRID_MICRO, M3VIT["micro"], VMOE["micro"]]


@pytest.mark.parametrize(("shape", "tokens"), [(PLAIN["base"], 196), (M3VIT["tiny"], 128), (M3VIT["small"], 1200)])
def test_patches_are_counted(shape, tokens):
    assert shape.patches == tokens


@pytest.mark.parametrize("shape", MICROS)
def test_no_micro_model_fits_a_tile_of_eight(shape):
    for tokens in (shape.patches, shape.patches + 1, shape.patches + 2):
        assert tokens % 8
    for channels in (shape.width, shape.width // shape.heads, shape.classes):
        assert channels % 8


def test_the_experts_of_an_m3vit_cost_its_dense_mlp():
    for shape in (M3VIT["tiny"], M3VIT["small"], DIGITS["m3vit"]):
        assert shape.moe.top_k * shape.moe.hidden == shape.hidden


def test_impossible_shapes_are_refused():
    with pytest.raises(VitaccelError, match="width must be a multiple of its 3 heads, not 100"):
        replace(PLAIN["tiny"], width=100)
    with pytest.raises(VitaccelError, match="multiples of the patch size 16, not"):
        replace(PLAIN["tiny"], image=(224, 225))
    with pytest.raises(VitaccelError, match="top_k must be from 1 to 4"):
        MoeShape(experts=4, top_k=5, hidden=8, layers=(1,))
