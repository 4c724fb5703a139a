"""Damaged ONNX files: whatever is in the file, the answer is a Graph or one sentence, soon and in little memory."""

from __future__ import annotations

import faulthandler
import random
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vitaccel.errors import VitaccelError
from vitaccel.frontend import import_model

QUICK_CASES = 12
"""Damaged files of each kind and model in `make test`."""

FULL_CASES = 1000
"""The same in the long campaign."""

HANG_SECONDS = 120
"""A case that takes this long is taken for a hang, and the process ends with the traceback."""

MEMORY_BYTES = 2 << 30
"""Address space a case may add."""

SOURCES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("vit-micro", {"exporter": "dynamo", "opset": 18}),
    ("deit-micro", {"exporter": "legacy", "opset": 14}),
    ("lookupvit-micro", {"exporter": "legacy", "opset": 17, "dynamic_batch": True}),
    ("hybrid-micro", {"exporter": "dynamo", "opset": 20}),
    ("m3vit-micro", {"exporter": "dynamo", "opset": 23, "moe_style": "nonzero"}),
    ("m3vit-micro", {"exporter": "legacy", "opset": 17, "moe_style": "gather_w", "task_input": True}),
    ("vmoe-micro", {"exporter": "legacy", "opset": 17, "moe_style": "einsum_cap"}),
    ("vmoe-micro", {"exporter": "dynamo", "opset": 18, "moe_style": "microsoft"}),
)
"""Zoo models and how they are written; together they hold every kind of operator."""

OP_TYPES = (
    "Add", "Attention", "BatchNormalization", "Cast", "Clip", "Concat", "ConstantOfShape", "Conv", "CumSum", "Einsum",
    "Expand", "Gather", "GatherND", "Gemm", "Identity", "If", "LayerNormalization", "Loop", "MatMul", "MaxPool", "Mul",
    "NonZero", "OneHot", "Pad", "Pow", "Range", "ReduceMean", "Reshape", "Resize", "ScatterND", "Shape", "Slice",
    "Softmax", "Split", "Squeeze", "Tile", "TopK", "Transpose", "Unsqueeze", "Where", "NoSuchOperator",
)  # fmt: skip

NUMBERS = (-(2**63), -(2**31), -7, -1, 0, 1, 2, 3, 17, 1 << 20, 2**31, 2**62)


# -- damage to bytes -----------------------------------------------------------------------------------------------
def flip(data: bytearray, rng: random.Random) -> None:
    """Change one to sixteen bytes, mostly in the structure rather than in a large weight."""
    for _ in range(rng.randint(1, 16)):
        data[rng.randrange(len(data))] = rng.randrange(256)


def cut(data: bytearray, rng: random.Random) -> None:
    """Truncate."""
    del data[rng.randrange(len(data)) :]


def repeat(data: bytearray, rng: random.Random) -> None:
    """Insert a copy of some bytes elsewhere."""
    start = rng.randrange(len(data))
    at = rng.randrange(len(data))
    data[at:at] = data[start : start + rng.randint(1, 200)]


def erase(data: bytearray, rng: random.Random) -> None:
    """Remove some bytes."""
    start = rng.randrange(len(data))
    del data[start : start + rng.randint(1, 200)]


# -- damage to the model -------------------------------------------------------------------------------------------
def drop_node(model: onnx.ModelProto, rng: random.Random) -> None:
    del model.graph.node[rng.randrange(len(model.graph.node))]


def duplicate_node(model: onnx.ModelProto, rng: random.Random) -> None:
    copy = model.graph.node.add()
    copy.CopyFrom(rng.choice(model.graph.node[:-1]))
    if rng.random() < 0.5:
        for at in range(len(copy.output)):
            copy.output[at] += "_copy"


def rewire(model: onnx.ModelProto, rng: random.Random) -> None:
    """Let an input read something else, a value defined later included: that makes cycles."""
    node = rng.choice([n for n in model.graph.node if n.input])
    node.input[rng.randrange(len(node.input))] = rng.choice(list(values_of(model)))


def trim_inputs(model: onnx.ModelProto, rng: random.Random) -> None:
    node = rng.choice(model.graph.node)
    if node.input and rng.random() < 0.5:
        del node.input[rng.randrange(len(node.input)) :]
    else:
        node.input.append(rng.choice(["", *values_of(model)]))


def rename_output(model: onnx.ModelProto, rng: random.Random) -> None:
    node = rng.choice(model.graph.node)
    if node.output:
        node.output[rng.randrange(len(node.output))] = rng.choice(["", "elsewhere", *values_of(model)])


def change_op(model: onnx.ModelProto, rng: random.Random) -> None:
    node = rng.choice(model.graph.node)
    node.op_type = rng.choice(OP_TYPES)
    if rng.random() < 0.1:
        node.domain = rng.choice(["com.microsoft", "nowhere", "ai.onnx.ml"])


def change_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    node = rng.choice([n for n in model.graph.node if n.attribute])
    attribute = rng.choice(node.attribute)
    kind = rng.randrange(6)
    if kind == 0:
        node.attribute.remove(attribute)
    elif kind == 1:
        attribute.name = rng.choice(["axis", "perm", "to", "strides", "pads", "kernel_shape", "group", "equation"])
    elif kind == 2 and attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
    elif kind == 3:
        attribute.CopyFrom(
            helper.make_attribute(attribute.name, [rng.choice(NUMBERS) for _ in range(rng.randint(1, 5))])
        )
    elif kind == 4:
        attribute.CopyFrom(helper.make_attribute(attribute.name, rng.choice(["", "abc", "ij,jk->ik", "SAME_UPPER"])))
    else:
        attribute.CopyFrom(helper.make_attribute(attribute.name, rng.choice(NUMBERS)))


def change_constant(model: onnx.ModelProto, rng: random.Random) -> None:
    """Rewrite small integers: shapes, axes, bounds, k."""
    tensors = [t for t in tensors_of(model) if t.data_type == TensorProto.INT64]
    if not tensors:
        return
    tensor = rng.choice(tensors)
    values = numpy_helper.to_array(tensor).copy().reshape(-1)
    if values.size:
        values[rng.randrange(values.size)] = rng.choice(NUMBERS)
        shape = list(tensor.dims) if rng.random() < 0.8 else [values.size]
        tensor.CopyFrom(numpy_helper.from_array(values.reshape(shape), tensor.name))


def change_tensor(model: onnx.ModelProto, rng: random.Random) -> None:
    """Damage the header or the first bytes of a stored tensor."""
    tensor = rng.choice(tensors_of(model))
    kind = rng.randrange(5)
    if kind == 0 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
    elif kind == 1 and len(tensor.dims) > 1:
        tensor.dims[:] = list(reversed(tensor.dims))
    elif kind == 2:
        tensor.data_type = rng.randrange(26)
    elif kind == 3 and tensor.raw_data:
        tensor.raw_data = bytes(rng.choice([b"\x00\x00\xc0\x7f", b"\xff\xff\xff\x7f"])) + tensor.raw_data[4:]
    else:
        tensor.name = rng.choice(["", "elsewhere", *values_of(model)])


def change_interface(model: onnx.ModelProto, rng: random.Random) -> None:
    """Damage inputs, outputs, operator sets."""
    kind = rng.randrange(6)
    if kind == 0:
        del model.graph.output[:]
    elif kind == 1 and model.graph.output:
        model.graph.output[0].name = "elsewhere"
    elif kind == 2:
        model.opset_import[0].version = rng.choice([0, 1, 12, 13, 17, 20, 23, 24, 99])
    elif kind == 3:
        model.graph.input[0].type.tensor_type.elem_type = rng.randrange(26)
    elif kind == 4 and (dims := model.graph.input[0].type.tensor_type.shape.dim):
        rng.choice(dims).dim_value = rng.choice(NUMBERS)
    else:
        model.graph.input[0].type.Clear()


def tensors_of(model: onnx.ModelProto) -> list[TensorProto]:
    constants = [a.t for n in model.graph.node if n.op_type == "Constant" for a in n.attribute if a.HasField("t")]
    return [*model.graph.initializer, *constants]


def values_of(model: onnx.ModelProto) -> Iterator[str]:
    yield from (i.name for i in model.graph.input)
    yield from (t.name for t in model.graph.initializer)
    yield from (o for n in model.graph.node for o in n.output if o)


BYTES = (flip, cut, repeat, erase)
STRUCTURE = (
    drop_node, duplicate_node, rewire, trim_inputs, rename_output, change_op, change_attribute, change_constant,
    change_tensor, change_interface,
)  # fmt: skip


def damaged_bytes(original: bytes, rng: random.Random) -> bytes:
    data = bytearray(original)
    rng.choice(BYTES)(data, rng)
    return bytes(data)


def damaged_model(original: bytes, rng: random.Random) -> bytes:
    model = onnx.ModelProto.FromString(original)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        # A second damage may not apply to what the first one left.
        with suppress(ValueError, IndexError, TypeError):
            rng.choice(STRUCTURE)(model, rng)
    return model.SerializeToString()


# -- the promise ---------------------------------------------------------------------------------------------------
@contextmanager
def bounded() -> Iterator[None]:
    """End the process if the body hangs; raise MemoryError if it asks for a lot of memory."""
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=sys.__stderr__)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        faulthandler.cancel_dump_traceback_later()


def outcome(data: bytes, path: Path) -> str:
    """``""`` for a Graph, or the sentence of the error; anything else raises."""
    path.write_bytes(data)
    try:
        with bounded():
            import_model(path)
    except VitaccelError as error:
        return str(error)
    return ""


Damage = Callable[[bytes, random.Random], bytes]


def campaign(file: Path, damage: Damage, *, seed: int, cases: int, folder: Path) -> None:
    original = file.read_bytes()
    for case in range(cases):
        data = damage(original, random.Random(f"{seed}/{case}"))
        path = folder / "damaged.onnx"
        try:
            sentence = outcome(data, path)
        except Exception as error:
            error.add_note(f"case {case} of {file.name}, --seed {seed}; the file is {path}")
            raise
        assert "\n" not in sentence, f"case {case}, --seed {seed}: {sentence!r}"
        assert len(sentence) < 1000, f"case {case}, --seed {seed}: {sentence!r}"


@pytest.mark.parametrize("damage", [damaged_bytes, damaged_model], ids=["bytes", "model"])
@pytest.mark.parametrize(("name", "how"), SOURCES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(SOURCES)])
@pytest.mark.parametrize("cases", [QUICK_CASES, pytest.param(FULL_CASES, marks=pytest.mark.full)])
def test_a_damaged_file_gives_a_graph_or_one_sentence(
    exported: Callable[..., Path],
    tmp_path: Path,
    seed: int,
    name: str,
    how: dict[str, Any],
    damage: Damage,
    cases: int,
) -> None:
    campaign(exported(name, **how), damage, seed=seed, cases=cases, folder=tmp_path)
