"""Every wrong parameter is one sentence that names the node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.qdq.parameters import affine, clip_bounds
from vitaccel.ir.types import TensorType

WHERE = "QuantizeLinear node 'q'"
TENSOR = TensorType((2, 3))


def read(scale: Any, zero: Any = None, *, kind: int = TensorProto.INT8, **attributes: int) -> Any:
    given = None if scale is None else np.asarray(scale, np.float64)
    return affine(WHERE, TENSOR, attributes, given, zero, kind)


@pytest.mark.parametrize(
    ("arguments", "attributes", "error", "message"),
    [
        ({"scale": 0.0}, {}, ModelError, "must have scales above 0 and finite, not 0"),
        ({"scale": np.nan}, {}, ModelError, "must have scales above 0 and finite, not nan"),
        ({"scale": np.inf}, {}, ModelError, "must have scales above 0 and finite, not inf"),
        ({"scale": [1, -2, 3]}, {}, ModelError, "must have scales above 0 and finite, not -2"),
        ({"scale": 1e-60}, {}, ModelError, "must have scales that single precision can hold, not 1e-60"),
        ({"scale": [1, 2]}, {}, ModelError, r"must have 3 scales for axis 1 of f32\[2,3\], not 2"),
        ({"scale": [1, 2]}, {"axis": 5}, ModelError, r"must have an axis of f32\[2,3\], not 5"),
        ({"scale": [[1, 2]]}, {}, UnsupportedError, r"of shape \[1, 2\]: blocks of a channel have no mapping"),
        ({"scale": [1, 2, 3]}, {"block_size": 32}, UnsupportedError, "not one for each block of 32"),
        ({"scale": None}, {}, UnsupportedError, "must have a constant scale, not a computed one"),
        ({"scale": 1, "zero": (np.zeros(1), TensorProto.UINT8)}, {}, ModelError,
         "must have a zero point of type int8 as its integers, not uint8"),
        ({"scale": 1, "zero": (np.zeros(2), TensorProto.INT8)}, {}, ModelError, "zero points as scales, 1, not 2"),
        ({"scale": 1, "kind": TensorProto.FLOAT8E4M3FN}, {}, UnsupportedError, "int32, not float8e4m3fn"),
    ],
)  # fmt: skip
def test_faults_are_named(arguments: Any, attributes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{WHERE} .*{message}"):
        read(**arguments, **attributes)


def test_a_scale_for_each_channel() -> None:
    found = read([1, 2, 3], (np.array([0, 1, 2]), TensorProto.INT8), axis=-1)
    assert (found.axis, found.per_channel, found.zero.tolist()) == (1, True, [0, 1, 2])
    assert read([4.0]).axis == 0


def test_bounds_are_integers() -> None:
    assert clip_bounds("n", [np.array([-7]), None]) == (-7, None)
    with pytest.raises(ModelError, match=r"^n must have integers as bounds$"):
        clip_bounds("n", [np.array([0.5]), None])
