"""Activations written as arithmetic, in every operand order, are one node each."""

from __future__ import annotations

from itertools import product
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest

Net = Any


def both(net: Net, kind: str, left: str, right: str, turned: bool) -> str:
    return net.op(kind, right, left) if turned else net.op(kind, left, right)


def erf(net: Net, x: str, turned: bool, half: str) -> str:
    inner = net.op("Div", x, net.const(sqrt(2)))
    if turned:
        inner = net.op("Mul", net.const(sqrt(0.5)), x)
    gate = both(net, "Add", net.op("Erf", inner), net.const(1), turned)
    return halved(net, x, gate, turned, half)


def halved(net: Net, x: str, gate: str, turned: bool, half: str) -> str:
    if half == "on x":
        return both(net, "Mul", both(net, "Mul", x, net.const(0.5), turned), gate, turned)
    if half == "on the gate":
        return both(net, "Mul", x, both(net, "Mul", gate, net.const(0.5), turned), turned)
    return both(net, "Mul", both(net, "Mul", x, gate, turned), net.const(0.5), turned)


HALVES = ["on x", "on the gate", "on the product"]


def network(net: Net, act: Any) -> str:
    return net.linear(act(net.linear(net.input(1, 3, 4), 4, 6)), 6, 2)


def only_activation(graph: Any, ops: Any) -> str:
    assert ops(graph) == ["linear", "activation", "linear"]
    (name,) = graph.find(lambda node: node.op.name == "activation")
    return graph[name].op.kind


@pytest.mark.parametrize(("turned", "half"), [*product([False, True], HALVES)])
def test_gelu_by_erf(net: Net, ops: Any, turned: bool, half: str) -> None:
    graph = net.graph(network(net, lambda x: erf(net, x, turned, half)))
    assert only_activation(graph, ops) == "gelu"


CUBES = {
    "power": lambda net, x: net.op("Pow", x, net.const(3)),
    "square first": lambda net, x: net.op("Mul", net.op("Mul", x, x), x),
    "square last": lambda net, x: net.op("Mul", x, net.op("Mul", x, x)),
}


@pytest.mark.parametrize(("cube", "turned", "half"), [*product(CUBES, [False, True], HALVES)])
def test_gelu_by_tanh(net: Net, ops: Any, cube: str, turned: bool, half: str) -> None:
    def act(x: str) -> str:
        bent = both(net, "Add", x, both(net, "Mul", CUBES[cube](net, x), net.const(0.044715), turned), turned)
        inner = net.op("Tanh", both(net, "Mul", bent, net.const(sqrt(2 / pi)), turned))
        return halved(net, x, both(net, "Add", inner, net.const(1), turned), turned, half)

    assert only_activation(net.graph(network(net, act)), ops) == "gelu_tanh"


def test_gelu_by_tanh_factored(net: Net, ops: Any) -> None:
    def act(x: str) -> str:
        square = net.op("Add", net.op("Mul", net.op("Mul", x, x), net.const(0.044715)), net.const(1))
        inner = net.op("Tanh", net.op("Mul", net.op("Mul", x, net.const(sqrt(2 / pi))), square))
        return halved(net, x, net.op("Add", inner, net.const(1)), False, "on x")

    assert only_activation(net.graph(network(net, act)), ops) == "gelu_tanh"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("slope", "kind"), [(1.0, "silu"), (1.702, "gelu_sigmoid")])
def test_sigmoid_gates(net: Net, ops: Any, slope: float, kind: str, turned: bool) -> None:
    def act(x: str) -> str:
        inner = x if slope == 1.0 else both(net, "Mul", x, net.const(slope), turned)
        return both(net, "Mul", x, net.op("Sigmoid", inner), turned)

    assert only_activation(net.graph(network(net, act)), ops) == kind


def clipped(net: Net, x: str) -> str:
    return net.op("Clip", net.op("Add", x, net.const(3)), net.const(0), net.const(6))


HARD = {
    "hardsigmoid": lambda net, x: net.op("Div", clipped(net, x), net.const(6)),
    "hardswish": lambda net, x: net.op("Div", net.op("Mul", x, clipped(net, x)), net.const(6)),
    "hardswish, divided first": lambda net, x: net.op("Mul", net.op("Div", clipped(net, x), net.const(6)), x),
    "hardswish of the operator": lambda net, x: net.op("Mul", net.op("HardSigmoid", x, alpha=1 / 6, beta=0.5), x),
}  # fmt: skip


@pytest.mark.parametrize("form", HARD)
def test_hard_gates(net: Net, ops: Any, form: str) -> None:
    graph = net.graph(network(net, lambda x: HARD[form](net, x)))
    assert only_activation(graph, ops) == form.split(",")[0].split(" ")[0]


def rounded_to_bf16(value: float) -> float:
    bits = int(np.float32(value).view(np.uint32))
    return float(np.uint32(bits + 0x8000 & 0xFFFF0000).view(np.float32))


@pytest.mark.parametrize("rounding", [rounded_to_bf16, np.float16])
def test_constants_that_16_bits_rounded_are_restored(net: Net, ops: Any, rounding: Any) -> None:
    def act(x: str) -> str:
        inner = net.op("Erf", net.op("Div", x, net.const(rounding(sqrt(2)))))
        return halved(net, x, net.op("Add", inner, net.const(1)), False, "on x")

    assert only_activation(net.graph(network(net, act), tolerance=1e-3), ops) == "gelu"


def test_another_slope_is_another_function(net: Net, ops: Any) -> None:
    """It stays what it is: no rounding of 1.702 gives 1.7."""

    def act(x: str) -> str:
        return net.op("Mul", x, net.op("Sigmoid", net.op("Mul", x, net.const(1.7))))

    graph = net.graph(network(net, act))
    assert ops(graph) == ["linear", "mul", "activation", "mul", "linear"]


def test_a_shifted_gate_is_another_function(net: Net, ops: Any) -> None:
    def act(x: str) -> str:
        return net.op("Mul", x, net.op("Sigmoid", net.op("Add", x, net.const(0.5))))

    assert ops(net.graph(network(net, act))) == ["linear", "add", "activation", "mul", "linear"]


def test_a_gate_on_another_value_stays_a_product(net: Net, ops: Any) -> None:
    x = net.linear(net.input(1, 3, 4), 4, 6)
    gate = net.op("Sigmoid", net.linear(net.input(1, 3, 4), 4, 6))
    assert ops(net.graph(net.op("Mul", x, gate))).count("mul") == 1


def test_a_gate_read_elsewhere_stays(net: Net) -> None:
    x = net.linear(net.input(1, 3, 4), 4, 6)
    gate = net.op("Sigmoid", x)
    graph = net.graph(net.op("Mul", x, gate), net.op("Add", gate, net.weight(6)))
    kinds = [graph[name].op.kind for name in graph.find(lambda node: node.op.name == "activation")]
    assert sorted(kinds) == ["sigmoid", "silu"]
