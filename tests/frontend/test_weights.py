from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.weights import CHUNK, Weights, is_finite_or_mask

VALUES = [[1.0, -2.5], [0.0, 96.0]]
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def external(tmp_path: Path, data: bytes, **entries: str) -> TensorProto:
    (tmp_path / "data").write_bytes(data)
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", *INTEGERS, "bool"])
@pytest.mark.parametrize("raw", [True, False])
def test_every_type_is_widened(dtype: str, raw: bool) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype, None) or dtype)
    values = np.abs(VALUES).astype(kind) if dtype.startswith("u") else np.array(VALUES).astype(kind)
    tensor = numpy_helper.from_array(values, "w")
    if not raw:
        numbers = values.reshape(-1).tolist()
        tensor = helper.make_tensor("w", tensor.data_type, values.shape, numbers)
        assert not tensor.raw_data
    got = Weights(None).array(tensor)
    assert got.dtype == (np.bool_ if dtype == "bool" else np.float32 if "float" in dtype else np.int64)
    np.testing.assert_array_equal(got, values.astype(got.dtype))


def test_empty_and_scalar_tensors() -> None:
    assert Weights(None).array(numpy_helper.from_array(np.zeros((0, 3), np.float32))).shape == (0, 3)
    assert Weights(None).array(numpy_helper.from_array(np.array(5.0, np.float32))).shape == ()


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.FLOAT8E4M3FN, 0, 77])
def test_other_types_are_refused(kind: int) -> None:
    with pytest.raises(UnsupportedError, match=r"initializer 'w' must be float, .* not of type"):
        Weights(None).array(TensorProto(name="w", data_type=kind, dims=[1], raw_data=b"1234"))


@pytest.mark.parametrize(("dims", "size"), [([2, 2], 12), ([2, 2], 20), ([2, 2], 0), ([], 8), ([2**40, 2**40], 16)])
def test_data_of_another_length(dims: list[int], size: int) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=bytes(size))
    with pytest.raises(ModelError, match=r"initializer 'w' must have \d+ bytes for its shape"):
        Weights(None).array(tensor)
    numbers = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, float_data=[0] * (size // 4))
    with pytest.raises(ModelError, match=r"initializer 'w' must have \d+ elements for its shape"):
        Weights(None).array(numbers)


def test_negative_dimensions() -> None:
    with pytest.raises(ModelError, match=r"dimensions of at least 0, not \[-2, -2\]"):
        Weights(None).array(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[-2, -2], raw_data=bytes(16)))


def test_external_data_is_a_view_of_the_file(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32)
    tensor = external(tmp_path, values.tobytes(), location="data", offset="8", length="8")
    weights = Weights(tmp_path)
    np.testing.assert_array_equal(weights.array(tensor), values[2:4])
    assert np.shares_memory(weights.array(tensor), weights.array(tensor))
    assert not weights.array(tensor).flags.writeable
    rest = external(tmp_path, values.tobytes(), location="data", offset="16")
    np.testing.assert_array_equal(weights.array(rest), values[4:])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"location": "nowhere"}, r"nowhere must exist: the model keeps the data of 'w' there$"),
        (
            {"location": "data", "offset": "4", "length": "8"},
            r"bytes 4 to 12 of 8 are asked for: is the file tr",
        ),
        ({"location": "data", "offset": "99"}, "must lie within 'data'"),
        ({"location": "data", "offset": "-4", "length": "8"}, "must lie within 'data'"),
        ({"location": "data", "length": "4"}, "must have 8 bytes"),
        ({"location": "data", "offset": "many"}, "must have a numeric offset and length$"),
        ({"location": "../data"}, r"must be in the model's folder, not at '../data'$"),
        ({"location": "/etc/passwd"}, "must be in the model's folder"),
        ({}, "must be in the model's folder, not at ''$"),
        ({"location": "."}, "must be readable"),
    ],
)
def test_external_data_that_is_not_there(tmp_path: Path, entries: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Weights(tmp_path).array(external(tmp_path, bytes(8), **entries))


def test_a_model_in_memory_has_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"since a model in memory has no folder$"):
        Weights(None).array(external(tmp_path, bytes(8), location="data"))


@pytest.mark.parametrize("at", [0, 1, CHUNK - 1, CHUNK, CHUNK + 7])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_weight_is_found_wherever_it_is(at: int, bad: float) -> None:
    values = np.ones(CHUNK + 8, np.float32)
    values[at] = bad
    with pytest.raises(ModelError, match=r"initializer 'w' must hold finite numbers, but it holds NaN or infinity$"):
        Weights(None).array(numpy_helper.from_array(values, "w"))


def test_two_infinities_do_not_hide_each_other() -> None:
    assert not is_finite_or_mask(np.array([np.inf, -np.inf, 1], np.float32))


def test_large_weights_are_not_taken_for_infinite() -> None:
    assert is_finite_or_mask(np.full(100, 3e38, np.float32))


def test_an_attention_mask_may_hold_infinity() -> None:
    mask = np.triu(np.full((4, 4), -np.inf, np.float32), 1)
    assert is_finite_or_mask(mask)
    assert is_finite_or_mask(np.array(-np.inf, np.float32))
    assert not is_finite_or_mask(mask + 1)


def test_overflowing_doubles_are_infinite() -> None:
    with pytest.raises(ModelError, match=r"NaN or infinity"):
        Weights(None).array(numpy_helper.from_array(np.array([1e300, 1.0]), "w"))
