"""QuantizeLinear and DequantizeLinear nodes of a file, one network each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend import import_model


def pair(net: Any, x: str, scale: Any, kind: type = np.int8, zero: int = 0, **attributes: int) -> str:
    parameters = net.const(scale), net.const(np.full(np.shape(scale), zero), kind)
    integers = net.op("QuantizeLinear", x, *parameters, **attributes)
    return str(net.op("DequantizeLinear", integers, *parameters, **attributes))


def relu(net: Any, **arguments: Any) -> Any:
    return import_model(net.save(net.op("Relu", pair(net, net.input(1, 2, 3), **arguments)), opset=21))


def test_a_pair_is_a_scale_and_nothing_else(net: Any) -> None:
    found = relu(net, scale=0.25)
    assert str(found.graph).count("=") == 2  # one operation, of one kind
    assert (found.graph["x0"].scale, found.graph["x0"].fmt) == ((0.25,), "int8")
    assert [node.fate for node in found.coverage[:2]] == ["step of the value it reads", "step 0.25"]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("kind", "zero", "scale", "fmt"),
    [(np.int16, 0, 0.25, "int16"), (np.uint8, 128, 0.25, "int8"), (np.uint8, 0, 0.25 * 255 / 127, "int8"),
     (np.uint16, 0, 0.25 * 65535 / 32767, "int16"), (np.int8, 10, 0.25 * 138 / 128, "int8")],
)  # fmt: skip
def test_other_integers_become_symmetric_ones(net: Any, kind: type, zero: int, scale: float, fmt: str) -> None:
    found = relu(net, scale=0.25, kind=kind, zero=zero)
    assert found.graph["x0"].scale == pytest.approx((scale,), rel=1e-6)
    assert found.graph["x0"].fmt == fmt
    told = [node.fate for node in found.coverage if "in place of" in node.fate]
    assert len(told) == len(found.notes) == (scale != 0.25)


def test_scales_of_channels_run_along_the_last_axis(net: Any) -> None:
    assert relu(net, scale=[1, 2, 3], axis=-1).graph["x0"].scale == (1, 2, 3)


def test_a_value_in_two_widths_keeps_both(net: Any) -> None:
    wide = pair(net, net.input(1, 2, 4), 0.01, np.int16)
    product = net.op("MatMul", pair(net, wide, 0.5), net.weight(4, 4))
    graph = import_model(net.save(net.op("Add", wide, product), opset=21)).graph
    assert (graph["x0"].scale, graph["x0"].fmt) == ((float(np.float32(0.01)),), "int16")
    assert graph["x0"].narrow_scale == 0.5


def test_two_scales_of_one_width_are_told(net: Any) -> None:
    x = net.input(1, 2, 4)
    parts = [net.op("MatMul", pair(net, x, scale), net.weight(4, 4)) for scale in (0.5, 0.75)]
    found = import_model(net.save(net.op("Add", *parts), opset=21))
    assert found.graph["x0"].scale == (0.75,)
    assert found.notes[0].startswith("1 values are quantized more than once")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [({"scale": 0.0}, ModelError, "scales above 0"), ({"scale": np.nan}, ModelError, "scales above 0"),
     ({"scale": -1.0}, ModelError, "scales above 0"), ({"scale": [1, 2]}, ModelError, "must have 2 scales|3 scales"),
     ({"scale": [1, 2], "axis": 1}, UnsupportedError, r"one for each channel \(axis 2 of f32\[1,2,3\]\)"),
     ({"scale": [[[1, 1, 1], [2, 2, 2]]], "axis": 2, "block_size": 1}, UnsupportedError, "each block of 1")],
)  # fmt: skip
def test_faults_name_the_node(net: Any, arguments: Any, error: type[Exception], message: str) -> None:
    if arguments["scale"] == [1, 2] and "axis" not in arguments:
        arguments = {**arguments, "axis": 2}
    with pytest.raises(error, match=rf"^QuantizeLinear node 'QuantizeLinear_0' .*({message})"):
        relu(net, **arguments)


def test_a_zero_point_of_another_type_is_refused(net: Any) -> None:
    integers = net.op("QuantizeLinear", net.input(1, 2), net.const(0.5), net.const(0, np.int8))
    y = net.op("DequantizeLinear", integers, net.const(0.5), net.const(0, np.uint8))
    with pytest.raises(ModelError, match=r"^DequantizeLinear node .*_1' must have a zero point of type"):
        import_model(net.save(y))


def test_pairs_agree(net: Any) -> None:
    integers = net.op("QuantizeLinear", net.input(1, 2), net.const(0.5), net.const(0, np.int8))
    y = net.op("DequantizeLinear", integers, net.const(0.25), net.const(0, np.int8))
    with pytest.raises(UnsupportedError, match=r"^DequantizeLinear node .* the scale, zero point and axis of"):
        import_model(net.save(y))


def test_integers_go_nowhere_else(net: Any) -> None:
    integers = net.op("QuantizeLinear", net.input(1, 2), net.const(0.5), net.const(0, np.int8))
    with pytest.raises(
        UnsupportedError, match=r"^output 'v0_0' must be float, not the integers of QuantizeLinear node"
    ):
        import_model(net.save(integers))
    with pytest.raises(UnsupportedError, match=r"^Reshape node 'Reshape_1' must read floats, not the integers of"):
        import_model(net.save(net.reshape(integers, 2, 1)))


def test_computed_scales_are_refused(net: Any) -> None:
    x = net.input(1, 2)
    integers = net.op("QuantizeLinear", x, net.op("ReduceMax", x, keepdims=0), net.const(0, np.int8))
    with pytest.raises(UnsupportedError, match=r"^QuantizeLinear node .* a constant scale, not a computed one$"):
        import_model(net.save(integers))


def test_arithmetic_keeps_its_numbers(net: Any) -> None:
    half = net.op("DequantizeLinear", net.const(255, np.uint8), net.const(0.5 / 255), net.const(0, np.uint8))
    graph = import_model(net.save(net.op("Mul", net.input(1, 2), half))).graph
    (factor,) = [graph.array(n) for n in graph.topological() if graph.is_const(n)]
    assert factor == pytest.approx(0.5, rel=1e-6)
