from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel.backends.rtl.generate import generate, module_name
from vitaccel.errors import BlockError


def test_a_block_is_the_same_text_every_time_and_says_its_options() -> None:
    first, second = (generate("exp2", {"fraction_bits": 8}, lanes=2) for _ in range(2))
    assert first.verilog == second.verilog
    assert first.name == "exp2_lanes2_fraction_bits8"
    assert first.options == {"lanes": 2, "fraction_bits": 8}
    assert f"module {first.name}(" in first.verilog.text
    assert "//   lanes          2: P, elements of a word\n" in first.verilog.text
    assert first.component.latency_cycles == 5


@pytest.mark.parametrize(
    ("name", "options", "module"),
    [
        ("fifo", {}, "fifo_width64"),
        ("fifo", {"width": 8, "depth": 4}, "fifo_width8_depth4"),
        ("array", {"side": 4}, "array_side4"),
        ("softmax-statistics", {"keys": 64}, "softmax_statistics_lanes8_keys64"),
    ],
)
def test_names_say_the_size_and_what_is_not_usual(name: str, options: Mapping[str, int], module: str) -> None:
    assert module_name(block(name), block(name).choose(options)) == module


def test_names_of_blocks_do_not_clash() -> None:
    names = [module_name(block, block.choose({})) for block in BLOCKS.values()]
    assert len(set(names)) == len(names)


def test_lanes_are_the_side_of_an_array() -> None:
    assert generate("array", {}, lanes=2).name == "array_side2"


@pytest.mark.parametrize(
    ("name", "given", "lanes", "sentence"),
    [
        ("array", {"side": 2}, 2, "side must be given once, by --lanes or by --set, not by both"),
        ("fifo", {}, 2, "block fifo must be given one of its options by --set (width, depth), not --lanes"),
        ("exp2", {}, 0, "lanes of block exp2 must be 1 to 256, not 0"),
    ],
)
def test_what_cannot_be_is_refused(name: str, given: dict[str, int], lanes: int, sentence: str) -> None:
    with pytest.raises(BlockError, match=f"^{re.escape(sentence)}$"):
        generate(name, given, lanes=lanes)
