from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from vitaccel.frontend.normalize import normalize
from vitaccel.frontend.translate import translate
from vitaccel.ir.ops import Select

Agrees = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("op", "shape", "operand", "attributes"),
    [
        ("Reshape", (2, 3, 4), [2, -1], {}),
        ("Reshape", (2, 3, 4), [0, 12], {}),
        ("Flatten", (2, 3, 4), None, {"axis": 2}),
        ("Squeeze", (2, 1, 4), [1], {}),
        ("Squeeze", (2, 1, 4), None, {}),
        ("Unsqueeze", (2, 4), [0, -1], {}),
    ],
)
def test_reshapes(agrees: Agrees, op: str, shape: tuple[int, ...], operand: list[int] | None, attributes: dict) -> None:
    constants = () if operand is None else (np.array(operand),)
    assert agrees(op, shape, *constants, **attributes) == ["reshape"]


def test_a_reshape_to_the_same_shape_is_nothing(agrees: Agrees) -> None:
    assert agrees("Reshape", (2, 3), np.array([2, 3])) == []


def test_transposes(agrees: Agrees) -> None:
    assert agrees("Transpose", (2, 3, 4), perm=[0, 2, 1]) == ["transpose"]
    assert agrees("Transpose", (2, 3, 4)) == ["transpose"]
    assert agrees("Transpose", (2, 3, 4), perm=[0, 1, 2]) == []


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "made"),
    [
        ([1], [3], [1], 1),
        ([-2], [2**62], [-1], 1),
        ([1, 0], [2, -1], [2, 0], 2),
        ([0], [99], [1], 0),
        ([0, 1], [2, 3], None, 1),
    ],
)
def test_slices(agrees: Agrees, starts: list[int], ends: list[int], axes: list[int] | None, made: int) -> None:
    operands = [np.array(v) for v in (starts, ends, axes) if v is not None]
    assert agrees("Slice", (2, 4, 5), *operands) == ["slice"] * made


@pytest.mark.parametrize(
    ("axes", "steps", "made"),
    [
        ([2, 3], [2, 3], ["pool2d"]),
        ([1, 2], [2, 2], ["transpose", "pool2d", "transpose"]),  # LeViT: channels last
        ([1], [3], ["transpose", "pool2d", "transpose"]),
        ([-1], [2], ["pool2d"]),
    ],
)
@pytest.mark.parametrize("start", [0, 1])
def test_a_slice_with_a_step_subsamples_an_image(
    agrees: Agrees, axes: list[int], steps: list[int], made: list[str], start: int
) -> None:
    bounds = (np.full(len(axes), start), np.full(len(axes), 2**31))
    cuts = ["slice"] * len(axes) * (start > 0)
    assert agrees("Slice", (2, 5, 6, 7), *bounds, np.array(axes), np.array(steps)) == cuts + made


@pytest.mark.parametrize(
    ("shape", "axes", "steps"),
    [((2, 4), [1], [2]), ((2, 4, 4, 3), [0], [2]), ((2, 4, 4, 3), [1, 3], [2, 2]), ((2, 4, 4, 3), [2], [-1])],
)
def test_any_other_slice_with_a_step_is_refused(
    refusal: Callable[..., str], shape: tuple[int, ...], axes: list[int], steps: list[int]
) -> None:
    starts, ends = ([0] * len(axes), [4] * len(axes)) if min(steps) > 0 else ([3], [-5])
    why = refusal("Slice", shape, np.array(starts), np.array(ends), np.array(axes), np.array(steps))
    assert why == "have step 1, or a positive step over the height and width of an image"


@pytest.mark.parametrize(
    ("opset", "sizes", "outputs", "attributes"),
    [
        (18, [1, 4, 2], 3, {}),
        (13, None, 7, {}),
        (18, None, 3, {"num_outputs": 3}),
        (18, None, 7, {"num_outputs": 7}),
    ],
)
def test_splits(agrees: Agrees, opset: int, sizes: list[int] | None, outputs: int, attributes: dict) -> None:
    operands = () if sizes is None else (np.array(sizes),)
    made = agrees("Split", (2, 7), *operands, opset=opset, outputs=outputs, axis=1, **attributes)
    assert made == ["slice"] * outputs


@pytest.mark.parametrize(("indices", "made"), [(1, 2), (-1, 2), ([1, 2], 1), ([[1], [2]], 2), ([0, 1, 2], 0)])
def test_gathers_of_consecutive_elements(agrees: Agrees, indices: int | list, made: int) -> None:
    assert agrees("Gather", (2, 3, 4), np.array(indices), axis=1) == ["slice", "reshape"][:made]


def test_a_gather_in_another_order_stays(left: Callable[..., bool]) -> None:
    assert left("Gather", (2, 3, 4), np.array([2, 1]), axis=1)


def test_joins(agrees: Agrees) -> None:
    assert agrees("Concat", (2, 3), (2, 1), axis=-1) == ["concat"]
    assert agrees("Concat", (2, 3), axis=0) == []


def test_repetitions(agrees: Agrees, left: Callable[..., bool]) -> None:
    row = np.array([[1, 2, 3]], np.float32)
    assert agrees("Expand", (1, 3), np.array([4, 3])) == ["broadcast"]
    assert agrees("Expand", row, np.array([4, 3])) == ["broadcast"]
    assert agrees("Tile", (1, 3), np.array([4, 1])) == ["broadcast"]
    assert left("Tile", (1, 3), np.array([1, 2]))


TASKS = '<ir_version: 8, opset_import: ["": 18]> g (float[1,2] x, int64{shape} task) => (float[1,3] y)'
TABLE = "<float[2,2,3] table = {1,2,3,4,5,6,7,8,9,10,11,12}, int64[1] zero = {0}, int64 none = {0}>"


@pytest.mark.parametrize(
    "body",
    [
        "{ w = Gather(table, task)  y = MatMul(x, w) }",
        "{ i = Unsqueeze(task, zero)  w = GatherND(table, i)  y = MatMul(x, w) }",
        "{ i = Unsqueeze(task, zero)  s = Gather(table, i)  w = Squeeze(s, zero)  y = MatMul(x, w) }",
    ],
)
def test_a_table_read_by_an_input_is_a_select(body: str) -> None:
    graph = normalize(onnx.parser.parse_model(TASKS.replace("{shape}", "") + TABLE + body)).graph
    translate(graph)
    assert "linear" in str(graph) or "matmul" in str(graph)
    select = next(graph[n] for n in graph.topological() if isinstance(graph[n].op, Select))
    assert select.inputs[1] == "task"
    assert select.type.shape == (2, 3)
