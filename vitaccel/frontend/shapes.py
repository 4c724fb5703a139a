"""Shapes of the model's inputs: the file's, completed by the batch of 1 and by what the user gives."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from vitaccel.errors import ModelError, UnsupportedError, did_you_mean
from vitaccel.frontend.weights import element_of
from vitaccel.ir.types import TensorType

ELEMENT_LIMIT = 1 << 28
"""No input has more elements: 1 GiB of float, or 1783 images of 3x224x224."""

Shapes = Mapping[str, tuple[int, ...]]


def input_types(model: onnx.ModelProto, given: Shapes | None = None) -> dict[str, TensorType]:
    """Concrete type of every graph input that is not an initializer, in the model's order.

    Parameters
    ----------
    model
        The model.
    given
        Shapes by input name; the name ``""`` means the only input, or the only one of rank 4. A dynamic first axis that
        is not given is a batch of 1; a symbolic dimension given once holds wherever its name recurs.

    Raises
    ------
    ModelError
        If a given name, rank or dimension contradicts the model, or a dimension stays unknown.
    UnsupportedError
        If an input is not a tensor of a known element type.
    """
    stored = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in stored]
    shapes = _by_name(inputs, dict(given or {}))
    symbols: dict[str, int] = {}
    for info in inputs:
        if info.name in shapes:
            _check_given(info, shapes[info.name], symbols)
    types: dict[str, TensorType] = {}
    for info in inputs:
        if not info.name.isprintable() or info.name[:1] in ("", "%"):
            raise ModelError(f"the name of an input must be printable and not begin with %, not {info.name!r}")
        if info.name in types:
            raise ModelError(f"input {info.name!r} must have a name of its own")
        types[info.name] = _concrete(info, shapes.get(info.name), symbols)
        if types[info.name].size > ELEMENT_LIMIT:
            raise UnsupportedError(
                f"input {info.name!r} must have at most {ELEMENT_LIMIT} elements, not {types[info.name].size}"
            )
    return types


def _by_name(inputs: list[onnx.ValueInfoProto], given: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    names = [i.name for i in inputs]
    if "" in given:
        images = [i.name for i in inputs if _rank(i) == 4]
        chosen = names if len(names) == 1 else images
        if len(chosen) != 1:
            raise ModelError(f"the input shape must name its input, one of {', '.join(names)}: name=1x3x224x224")
        given[chosen[0]] = given.pop("")
    for name, shape in given.items():
        if name not in names:
            raise ModelError(
                f"the input shape must name an input of the model ({', '.join(names)}), not {name!r}"
                f"{did_you_mean(name, names)}"
            )
        if any(d < 1 for d in shape):
            raise ModelError(f"the shape of input {name!r} must have dimensions of at least 1, not {_text(shape)}")
    return given


def _check_given(info: onnx.ValueInfoProto, shape: tuple[int, ...], symbols: dict[str, int]) -> None:
    if not _has_shape(info):
        return
    dims = info.type.tensor_type.shape.dim
    if len(dims) != len(shape):
        raise ModelError(f"the shape of input {info.name!r} must have {len(dims)} dimensions, not {_text(shape)}")
    for axis, (dim, value) in enumerate(zip(dims, shape, strict=True)):
        fixed = dim.dim_value if dim.HasField("dim_value") else symbols.get(dim.dim_param)
        if fixed is not None and fixed != value:
            raise ModelError(f"axis {axis} of input {info.name!r} must be {fixed} as exported, not {value}")
        if dim.dim_param:
            symbols[dim.dim_param] = value


def _concrete(info: onnx.ValueInfoProto, given: tuple[int, ...] | None, symbols: Mapping[str, int]) -> TensorType:
    if not info.type.HasField("tensor_type"):
        raise UnsupportedError(f"input {info.name!r} must be a tensor")
    element = element_of(info.type.tensor_type.elem_type, where=f"input {info.name!r}")
    if given is not None:
        return TensorType(given, element)
    if not _has_shape(info):
        raise ModelError(f"the shape of input {info.name!r} must be given, as in --input-shape {info.name}=1x3x224x224")
    shape: list[int] = []
    for axis, dim in enumerate(info.type.tensor_type.shape.dim):
        value = dim.dim_value if dim.HasField("dim_value") else symbols.get(dim.dim_param, 1 if axis == 0 else 0)
        if value < 1:
            called = f" ({dim.dim_param})" if dim.dim_param else ""
            raise ModelError(
                f"axis {axis}{called} of input {info.name!r} must be known, as in "
                f"--input-shape {info.name}={_example(info)}"
            )
        shape.append(value)
    return TensorType(tuple(shape), element)


def _example(info: onnx.ValueInfoProto) -> str:
    usual = (1, 3, 224, 224) if _rank(info) == 4 else (1,) * _rank(info)
    dims = info.type.tensor_type.shape.dim
    return _text(tuple(d.dim_value if d.dim_value > 0 else u for d, u in zip(dims, usual, strict=True)))


def _has_shape(info: onnx.ValueInfoProto) -> bool:
    return bool(info.type.tensor_type.HasField("shape"))


def _rank(info: onnx.ValueInfoProto) -> int:
    return len(info.type.tensor_type.shape.dim) if _has_shape(info) else 0


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(str(d) for d in shape)
