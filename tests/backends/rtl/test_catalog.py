from __future__ import annotations

import re

import pytest
from amaranth.lib import wiring

from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel.errors import BlockError
from vitaccel_rtl.ports import streams
from vitaccel_sim.traffic.catalog import TRAFFIC


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_has_defaults_that_make_a_component(name: str) -> None:
    component = block(name).component()
    assert isinstance(component, wiring.Component)
    assert list(component.signature.members)


@pytest.mark.parametrize("name", TRAFFIC)
def test_a_block_with_traffic_is_a_stream_with_a_latency(name: str) -> None:
    component = block(name).component()
    assert component.latency_cycles >= 1
    assert {"i", "o"} <= set(streams(component))


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
