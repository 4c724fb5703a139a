"""LayerNorm written as arithmetic is one node."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model

C = 6
Net = Any


def normal(net: Net, x: str, *, square: str = "power", root: str = "division", axes: tuple[int, ...] = (-1,)) -> str:
    over = net.ints(*axes)
    centred = net.op("Sub", x, net.op("ReduceMean", x, over, keepdims=1))
    squares = net.op("Pow", centred, net.const(2)) if square == "power" else net.op("Mul", centred, centred)
    variance = net.op("Add", net.op("ReduceMean", squares, over, keepdims=1), net.const(1e-5))
    if root == "division":
        return net.op("Div", centred, net.op("Sqrt", variance))
    if root == "power":
        return net.op("Mul", net.op("Pow", variance, net.const(-0.5)), centred)
    return net.op("Mul", centred, net.op("Reciprocal", net.op("Sqrt", variance)))


@pytest.mark.parametrize(("square", "root"), [*product(["power", "product"], ["division", "power", "reciprocal"])])
def test_every_spelling_is_one_node(net: Net, ops: Any, square: str, root: str) -> None:
    x = net.input(2, 3, C)
    scaled = net.op("Mul", net.weight(C), normal(net, x, square=square, root=root))
    graph = net.graph(net.op("Add", scaled, net.weight(C)))
    assert ops(graph) == ["layernorm"]
    assert graph.parameters == 2 * C
    (name,) = graph.find(lambda node: node.op.name == "layernorm")
    assert graph[name].op.eps == pytest.approx(1e-5)
    assert f"{graph[name].op.eps:.6g}" == "1e-05"


def test_without_gamma_and_beta(net: Net, ops: Any) -> None:
    graph = net.graph(net.linear(normal(net, net.input(2, 3, C)), C, 2))
    assert ops(graph) == ["layernorm", "linear"]
    assert graph.parameters == C * 2 + 2


@pytest.mark.parametrize("kept", [0, 1])
def test_over_the_channels_of_an_image(net: Net, ops: Any, kept: int) -> None:
    """As LayerNorm2d of ConvNeXt; dynamo puts the axis of ``torch.var`` back by a reshape."""
    x = net.op("Conv", net.input(2, 3, 4, 5), net.weight(C, 3, 1, 1))
    over = net.ints(1)
    centred = net.op("Sub", x, net.op("ReduceMean", x, over, keepdims=1))
    variance = net.op("ReduceMean", net.op("Mul", centred, centred), over, keepdims=kept)
    variance = variance if kept else net.reshape(variance, 2, 1, 4, 5)
    normed = net.op("Div", centred, net.op("Sqrt", net.op("Add", variance, net.const(1e-5))))
    scaled = net.op("Add", net.op("Mul", net.weight(C, 1, 1), normed), net.weight(1, C, 1, 1))
    graph = net.graph(net.op("Conv", scaled, net.weight(2, C, 1, 1)))
    assert ops(graph) == ["conv2d", "to_tokens", "layernorm", "from_tokens", "conv2d"]
    assert graph.parameters == 3 * C + 2 * C + C * 2


def test_a_variance_put_back_on_another_axis_is_refused(net: Net) -> None:
    x = net.input(4, 4, 4)
    centred = net.op("Sub", x, net.op("ReduceMean", x, net.ints(-1), keepdims=1))
    variance = net.op("ReduceMean", net.op("Mul", centred, centred), net.ints(-1), keepdims=0)
    variance = net.op("Add", net.reshape(variance, 4, 1, 4), net.const(1e-5))
    net.save(net.op("Div", centred, net.op("Sqrt", variance)))
    with pytest.raises(UnsupportedError, match=r"Sqrt|Div"):
        import_model(net.path)


def test_a_gamma_per_token_is_no_gamma(net: Net, ops: Any) -> None:
    graph = net.graph(net.op("Mul", normal(net, net.input(2, 3, C)), net.weight(3, 1)))
    assert ops(graph) == ["layernorm", "mul"]


@pytest.mark.parametrize("axes", [(1,), (1, 2)])
def test_a_norm_over_tokens_is_refused(net: Net, axes: tuple[int, ...]) -> None:
    net.save(normal(net, net.input(2, 3, C), axes=axes))
    with pytest.raises(UnsupportedError, match=r"Pow|Sub|ReduceMean|Sqrt|Div"):
        import_model(net.path)


def test_a_norm_without_the_mean_is_refused(net: Net) -> None:
    x = net.input(2, 3, C)
    variance = net.op("ReduceMean", net.op("Mul", x, x), net.ints(-1), keepdims=1)
    net.save(net.op("Div", x, net.op("Sqrt", net.op("Add", variance, net.const(1e-5)))))
    with pytest.raises(UnsupportedError):
        import_model(net.path)


def test_a_variance_of_another_value_is_refused(net: Net) -> None:
    x, y = net.input(2, 3, C), net.input(2, 3, C)
    axes = net.ints(-1)
    centred = net.op("Sub", y, net.op("ReduceMean", y, axes, keepdims=1))
    variance = net.op("ReduceMean", net.op("Mul", centred, centred), axes, keepdims=1)
    other = net.op("Sub", x, net.op("ReduceMean", x, axes, keepdims=1))
    net.save(net.op("Div", other, net.op("Sqrt", net.op("Add", variance, net.const(1e-5)))))
    with pytest.raises(UnsupportedError):
        import_model(net.path)


def test_a_numerator_with_another_mean_is_refused(net: Net) -> None:
    x, y = net.input(2, 3, C), net.input(2, 3, C)
    axes = net.ints(-1)
    centred = net.op("Sub", x, net.op("ReduceMean", x, axes, keepdims=1))
    variance = net.op("ReduceMean", net.op("Mul", centred, centred), axes, keepdims=1)
    other = net.op("Sub", x, net.op("ReduceMean", y, axes, keepdims=1))
    net.save(net.op("Div", other, net.op("Sqrt", net.op("Add", variance, net.const(1e-5)))))
    with pytest.raises(UnsupportedError):
        import_model(net.path)
