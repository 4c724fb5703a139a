from __future__ import annotations

import re

import pytest

from vitaccel.backends.rtl.block import Block, Option, lanes
from vitaccel.errors import BlockError


def _make(*, lanes: int, bits: int) -> tuple[int, int]:
    if lanes == bits:
        raise ValueError("lanes must differ from bits")
    return lanes, bits


BLOCK = Block(
    name="example",
    summary="an example",
    options=(lanes(4, most=16), Option(name="bits", default=8, values=(8, 12, 16), summary="width")),
    make=_make,
)


@pytest.mark.parametrize(
    ("given", "made"),
    [({}, (4, 8)), ({"bits": 12}, (4, 12)), ({"lanes": 1, "bits": 16}, (1, 16)), ({"lanes": 16}, (16, 8))],
)
def test_what_is_not_given_is_the_default(given: dict[str, int], made: tuple[int, int]) -> None:
    assert BLOCK.component(**given) == made
    assert tuple(BLOCK.choose(given).values()) == made


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"lanes": 0}, "lanes of block example must be 1 to 16, not 0"),
        ({"lanes": 17}, "lanes of block example must be 1 to 16, not 17"),
        ({"bits": 9}, "bits of block example must be 8, 12 or 16, not 9"),
        ({"depth": 1}, "an option of block example must be one of lanes, bits, not depth"),
        ({"lanes": 8}, "block example: lanes must differ from bits"),
    ],
)
def test_what_may_not_be_is_refused_with_one_sentence(given: dict[str, int], sentence: str) -> None:
    with pytest.raises(BlockError, match=f"^{re.escape(sentence)}$"):
        BLOCK.component(**given)


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        (Option(name="n", default=1, least=1, most=9, summary=""), "1 to 9"),
        (Option(name="n", default=1, values=(1,), summary=""), "1"),
        (Option(name="n", default=1, values=(1, 2), summary=""), "1 or 2"),
    ],
)
def test_what_an_option_may_be_in_words(option: Option, allowed: str) -> None:
    assert option.allowed == allowed
