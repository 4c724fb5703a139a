from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.conftest import MICRO, Made
from vitaccel.errors import VerifyError
from vitaccel.evaluation.values import (
    as_tokens,
    channel_factors,
    check_same_values,
    seen_values,
    without_padding,
)
from vitaccel.ir.ops import Activation


@pytest.mark.parametrize("short", MICRO)
def test_every_value_is_seen_after_what_it_reads(micro: Callable[[str], Made], short: str) -> None:
    model = micro(short)[1].model
    values = seen_values(model)
    assert [seen.value for seen in values if seen.op != "input"] == list(model.taps())
    before: set[str] = set()
    for seen in values:
        assert set(seen.reads) <= before, seen
        assert bool(seen.reads) == (seen.op not in ("input", "broadcast")), seen
        before.add(seen.value)


def reads(micro: Callable[[str], Made], short: str) -> dict[str, list[str]]:
    values = seen_values(micro(short)[1].model)
    names = {seen.value: seen.name for seen in values}
    return {seen.name: sorted(names[read] for read in seen.reads) for seen in values}


def test_attention_reads_queries_keys_and_values(micro: Callable[[str], Made]) -> None:
    found = reads(micro, "vit")
    assert found["block0.attn.attention"] == ["block0.attn.k", "block0.attn.q", "block0.attn.v"]
    assert found["block0.attn.proj"] == ["block0.attn.attention", "embed.patch"]
    assert found["embed.patch"] == ["image"]


def test_kept_logits_are_read_as_queries_and_keys(micro: Callable[[str], Made]) -> None:
    assert reads(micro, "lookupvit")["block0.infuse.attention"] == [
        "block0.gather.k",
        "block0.gather.q",
        "block0.infuse.v",
    ]


def test_experts_read_tokens_gate_and_residual(micro: Callable[[str], Made]) -> None:
    found = reads(micro, "m3vit")
    assert found["block1.moe"] == ["block1.attn.proj", "block1.moe.gate", "block1.moe.norm"]


def test_shapes_become_tokens() -> None:
    image = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    tokens = as_tokens(image)
    assert tokens.shape == (2, 20, 3)
    assert tokens[1, 7, 2] == image[1, 2, 1, 2]
    assert as_tokens(np.zeros((2, 6))).shape == (2, 1, 6)
    assert as_tokens(np.zeros((2, 7, 6))).shape == (2, 7, 6)


def test_padding_of_heads_is_taken_out() -> None:
    values = np.arange(2 * 3 * 10).reshape(2, 3, 10)
    padded = np.full((2, 3, 2, 8), -1)
    padded[..., :5] = values.reshape(2, 3, 2, 5)
    assert (without_padding(padded.reshape(2, 3, 16), 2, 10) == values).all()
    assert without_padding(values, 2, 10) is values


@pytest.mark.parametrize("short", ["vit", "lookupvit", "m3vit"])
def test_smoothed_channels_have_their_factors(micro: Callable[[str], Made], short: str) -> None:
    pairing = micro(short)[1]
    record = pairing.record
    assert record is not None
    factors = channel_factors(pairing.model.graph, record)
    assert {choice.value for choice in record.smoothing} <= set(factors)
    assert channel_factors(pairing.model.graph, replace(record, smoothing=())) == {}
    assert channel_factors(pairing.model.graph, None) == {}


def test_another_network_is_refused(micro: Callable[[str], Made]) -> None:
    pairing = micro("vit")[1]
    check_same_values(pairing.reference, pairing.model)
    other = pairing.reference.canonical()
    name = next(iter(pairing.model.taps()))
    other.update(name, op=Activation("gelu"))
    with pytest.raises(VerifyError, match=rf"{name} of the float network must be .*, not activation : f32"):
        check_same_values(other, pairing.model)
    with pytest.raises(VerifyError, match="of the float network must be"):
        check_same_values(micro("lookupvit")[1].reference, pairing.model)
