from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, helper, numpy_helper

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.attributes import attributes_of, constant_value, plain
from vitaccel.frontend.weights import Weights

NONE = Weights(None)


def constant(**attributes: object) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], **attributes)


def test_attributes_as_python_values() -> None:
    tensor = numpy_helper.from_array(np.array([7], np.int32))
    node = helper.make_node("Any", [], [], a=1, b=[1, 2], c="text", d=0.5, e=tensor, f=["x", "y"])
    found = attributes_of(node, "the node", NONE)
    assert found["e"].tolist() == [7]
    del found["e"]
    assert {k: plain(v) for k, v in found.items()} == {"a": 1, "b": (1, 2), "c": "text", "d": 0.5, "f": ("x", "y")}
    assert plain(b"\xff") == "\ufffd"


def test_attributes_that_come_twice_or_have_no_value() -> None:
    node = helper.make_node("Any", [], [], a=1)
    node.attribute.add(name="a", type=AttributeProto.INT, i=2)
    with pytest.raises(ModelError, match=r"^the node must have one attribute 'a'$"):
        attributes_of(node, "the node", NONE)
    del node.attribute[:]
    node.attribute.add(name="b", type=AttributeProto.INT, ref_attr_name="of a function")
    with pytest.raises(ModelError, match=r"^the node must have a value for attribute 'b'$"):
        attributes_of(node, "the node", NONE)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (constant(value=numpy_helper.from_array(np.float16([1, 2]))), np.float32([1, 2])),
        (constant(value_int=3), np.int64(3)),
        (constant(value_ints=[3, 4]), np.int64([3, 4])),
        (constant(value_float=0.5), np.float32(0.5)),
        (constant(value_floats=[0.5]), np.float32([0.5])),
    ],
)
def test_constant_nodes(node: onnx.NodeProto, value: np.ndarray) -> None:
    got = constant_value(node, "the node", NONE)
    np.testing.assert_array_equal(got, value)
    assert got.dtype == value.dtype


def test_constant_nodes_without_a_usable_value() -> None:
    with pytest.raises(UnsupportedError, match=r"^the node must hold a dense tensor or numbers, not value_string$"):
        constant_value(constant(value_string="x"), "the node", NONE)
    with pytest.raises(ModelError, match=r"^the node must have one attribute and one output$"):
        constant_value(constant(), "the node", NONE)
    wrong = constant(value_int=3)
    wrong.attribute[0].name = "value_floats"
    with pytest.raises(ModelError, match=r"^the node must have an attribute value_floats of its own type$"):
        constant_value(wrong, "the node", NONE)
