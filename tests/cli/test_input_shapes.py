from __future__ import annotations

import pytest

from vitaccel.cli.input_shapes import parse_input_shapes
from vitaccel.errors import ModelError


def test_shapes_by_name() -> None:
    assert parse_input_shapes([]) is None
    assert parse_input_shapes(["1x3x224x224"]) == {"": (1, 3, 224, 224)}
    assert parse_input_shapes(["a=1x2", "b=c=3,4"]) == {"a": (1, 2), "b=c": (3, 4)}


@pytest.mark.parametrize("text", ["", "image=", "1x", "1xN", "1 x 2", "-1x3", "1x" + "9" * 10])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="--input-shape must be sizes such as 1x3x224x224"):
        parse_input_shapes([text])


def test_a_name_comes_once() -> None:
    with pytest.raises(ModelError, match="must be given once for input 'a'"):
        parse_input_shapes(["a=1", "a=2"])
    with pytest.raises(ModelError, match="must be given once for the input"):
        parse_input_shapes(["1", "2"])
