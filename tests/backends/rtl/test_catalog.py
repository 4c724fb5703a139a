from __future__ import annotations

import re

import pytest

from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel.errors import BlockError


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_has_defaults_that_make_a_component(name: str) -> None:
    component = block(name).component()
    assert component.latency_cycles >= 1
    assert {"i", "o"} <= set(component.signature.members)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_option_may_be_its_default_and_says_what_it_is(name: str) -> None:
    for option in block(name).options:
        assert option.check(name, option.default) == option.default
        assert option.summary


@pytest.mark.parametrize(("name", "near"), [("softmax-statistic", " (did you mean 'softmax-statistics'?)"), ("x", "")])
def test_a_block_that_is_not_there_is_refused(name: str, near: str) -> None:
    sentence = f"a block must be one of {', '.join(BLOCKS)}, not {name}{near}"
    with pytest.raises(BlockError, match=f"^{re.escape(sentence)}$"):
        block(name)
