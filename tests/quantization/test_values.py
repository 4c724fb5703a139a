"""Width, scales and given formats of every value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, MatMul, Softmax, TokenMix
from vitaccel.quantization.grid import base2_step
from vitaccel.quantization.values import ValuePlan, plan_values

Found = dict[tuple[str, str], ValuePlan]


def plans_of(graph: Graph) -> Found:
    return {(graph[name].label, graph[name].op.name): plan for name, plan in plan_values(graph).items()}


def test_a_vit(prepared: Callable[[str], Graph]) -> None:
    plans = plans_of(prepared("vit"))
    for part in "qkv":
        assert (plans[f"block0.attn.{part}", "linear"].bits, plans[f"block0.attn.{part}", "linear"].heads) == (8, 3)
    logits = plans["block0.attn.attention", "attention_logits"]
    assert (logits.bits, logits.fixed, logits.rounded) == (16, base2_step(6), True)
    attention = plans["block0.attn.attention", "attention"]
    assert (attention.bits, attention.heads) == (8, 1)
    before = plans["block0.mlp.fc1", "linear"]
    assert (before.bits, before.activation, before.rounded) == (8, "gelu", True)
    assert plans["block0.mlp.fc1", "activation"].bits == 8
    assert (plans["block0.mlp.fc2", "linear"].rounded, plans["block0.mlp.fc2", "add"].rounded) == (False, True)
    assert (plans["embed.patch", "conv2d"].rounded, plans["embed.patch", "concat"].rounded) == (False, False)
    assert plans["head.linear", "linear"].bits == 16


def test_experts_and_their_router(prepared: Callable[[str], Graph]) -> None:
    plans = plans_of(prepared("m3vit"))
    assert plans["block1.moe.gate", "linear"].fixed == base2_step(8)
    assert plans["block1.moe", "moe"].inner == ("pre", "hidden", "result")


def test_a_resampled_stream_is_read_in_both_widths(prepared: Callable[[str], Graph]) -> None:
    plans = plans_of(prepared("lookupvit"))
    assert (plans["embed.patch", "add"].bits, plans["embed.patch", "add"].narrow) == (16, True)
    assert not plans["block0.mlp.fc2", "add"].narrow
    assert plans["block0.infuse.attention", "attention"].inner == ()


def test_mean_probabilities_are_a_value_of_their_own(prepared: Callable[[str], Graph]) -> None:
    graph = prepared("lookupvit-mean")
    plans = plans_of(graph)
    name = plans["block0.infuse.attention", "attention"].name
    assert plans["block0.infuse.attention", "attention"].inner == ("mean",)
    (value,) = graph[name].inputs[1:]
    assert plan_values(graph)[value].heads == 1


def test_an_activation_by_itself_has_an_int8_argument(prepared: Callable[[str], Graph]) -> None:
    plans = plans_of(prepared("hybrid"))
    assert plans["embed.activation", "activation"].inner == ("pre",)
    assert plans["embed.depthwise", "conv2d"].bits == 16


def test_an_input_that_lanes_read_has_16_bits(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    graph = made.done(made.norm(made.x), made.op(TokenMix(), made.x, made.const(made.normal(2, 4))))
    assert (plan_values(graph)["x"].bits, plan_values(graph)["x"].narrow) == (16, True)
    made = net(1, 4, 6)
    graph = made.done(made.linear(made.x, 3))
    assert (plan_values(graph)["x"].bits, plan_values(graph)["x"].narrow) == (8, False)


def test_a_softmax_by_itself_reads_base_2_logits(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    graph = made.done(made.op(Softmax(), made.linear(made.x, 3)))
    plans = plan_values(graph)
    logits, out = [plans[name] for name in plans if name != "x"]
    assert (logits.fixed, out.fixed) == (base2_step(8), 2.0**-15)


def test_a_value_read_by_more_than_attention_has_one_scale(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    shared = made.linear(made.x, 6)
    graph = made.done(made.op(MatMul(), shared, made.const(made.normal(6, 4))))
    assert {plan.heads for plan in plan_values(graph).values()} == {1}


def test_two_given_scales_for_one_value_are_refused(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    once = made.op(Softmax(), made.linear(made.x, 3))
    graph = made.done(made.op(Softmax(), once))
    with pytest.raises(UnsupportedError, match="a value must have one given scale, not"):
        plan_values(graph)


def test_formats_must_be_there(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    made.graph.outputs = [made.op(Activation("relu"), made.x)]
    with pytest.raises(UnsupportedError, match="run the precision pass first"):
        plan_values(made.graph)
