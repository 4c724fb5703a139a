from __future__ import annotations

import numpy as np
import pytest

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Attention,
    AttentionLogits,
    Conv2d,
    Input,
    Linear,
    Moe,
    Reshape,
    Select,
    Slice,
    TokenMix,
    ToTokens,
)
from vitaccel.ir.scales import (
    channel_axis,
    integers_of,
    integers_on,
    logit_format,
    narrow_positions,
    scale_of_steps,
    steps_of,
    unscaled,
)
from vitaccel.ir.types import TensorType


def network() -> Graph:
    graph = Graph("g")
    image = graph.add(Input(), type=TensorType((1, 3, 8, 8)), name="image")
    kernel = graph.add_const(np.ones((6, 3, 4, 4), np.float32), name="kernel")
    conv = graph.add(Conv2d(stride=(4, 4)), [image, kernel], name="conv")
    tokens = graph.add(ToTokens(), [conv], name="tokens")
    weight = graph.add_const(np.ones((6, 6), np.float32), name="weight")
    bias = graph.add_const(np.ones(6, np.float32), name="bias")
    q = graph.add(Linear(), [tokens, weight, bias], name="q")
    logits = graph.add(AttentionLogits(heads=2), [q, q], name="logits")
    graph.outputs = [graph.add(Attention(), [logits, q], name="out")]
    return graph


def test_scales_run_along_channels() -> None:
    graph = network()
    axes = {
        name: channel_axis(graph, name) for name in ("image", "kernel", "conv", "tokens", "weight", "bias", "logits")
    }
    assert axes == {"image": 1, "kernel": 0, "conv": 1, "tokens": 2, "weight": 1, "bias": 0, "logits": 1}


@pytest.mark.parametrize(
    ("name", "count", "shape"),
    [("kernel", 6, (6, 1, 1, 1)), ("conv", 6, (1, 6, 1, 1)), ("weight", 6, (1, 6)), ("weight", 1, (1, 1)),
     ("q", 6, (1, 1, 6)), ("logits", 2, (1, 2, 1, 1))],
)  # fmt: skip
def test_steps_broadcast_and_come_back(name: str, count: int, shape: tuple[int, ...]) -> None:
    graph = network()
    graph.update(name, scale=tuple(float(np.float32(0.1 * (i + 1))) for i in range(count)))
    assert steps_of(graph, name).shape == shape
    assert scale_of_steps(graph, name, steps_of(graph, name)) == graph[name].scale


def test_stacks_have_a_scale_for_each_matrix_and_column() -> None:
    graph = Graph("g")
    name = graph.add_const(np.ones((2, 3, 4), np.float32))
    graph.update(name, scale=tuple(range(1, 9)))
    assert steps_of(graph, name).tolist() == [[[1, 2, 3, 4]], [[5, 6, 7, 8]]]
    assert scale_of_steps(graph, name, steps_of(graph, name)) == graph[name].scale
    assert scale_of_steps(graph, name, np.arange(1, 4, dtype=np.float32).reshape(1, 3, 1)) is None


def test_biases_of_experts_have_a_scale_each() -> None:
    graph = Graph("g")
    shapes = [(1, 2, 3), (1, 2, 2), (2, 3, 4), (2, 4), (2, 4, 3), (2, 3)]
    operands = [graph.add_const(np.ones(shape, np.float32)) for shape in shapes]
    graph.add(Moe(experts=2), operands)
    graph.update(operands[3], scale=tuple(range(1, 9)))
    assert steps_of(graph, operands[3]).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert scale_of_steps(graph, operands[3], steps_of(graph, operands[3])) == graph[operands[3]].scale
    weight = graph.add_const(np.ones((2, 3), np.float32))
    assert scale_of_steps(graph, weight, np.ones((2, 1), np.float32)) is None


def test_a_wrong_number_of_scales_is_refused() -> None:
    graph = network()
    graph.update("q", scale=(1.0, 2.0))
    with pytest.raises(ValueError, match=r"^value 'q' of type f32\[1,4,6\] must have 1 or 6 scales, not 2$"):
        steps_of(graph, "q")
    with pytest.raises(ValueError, match=r"^value 'conv' must have a scale$"):
        steps_of(graph, "conv")


@pytest.mark.parametrize("largest", [7, 127, 32767, 2**22])
def test_integers_of_a_constant(seed: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    integers = rng.integers(-largest, largest + 1, (64, 5))
    steps = rng.uniform(1e-5, 1e3, 5).astype(np.float32)
    graph = Graph("g")
    name = graph.add_const(integers.astype(np.float32) * steps)
    graph.update(name, scale=tuple(steps.tolist()))
    assert np.array_equal(integers_of(graph, name), integers)
    graph.update(name, scale=tuple((steps * np.float32(1.37)).tolist()))
    if largest <= 32767:
        with pytest.raises(ValueError, match="must lie on the grid of its scale"):
            integers_of(graph, name)


def test_no_integers_without_a_grid() -> None:
    assert integers_on(np.array([0.5, 1.0], np.float32), np.array([0.3], np.float32)) is None
    assert integers_on(np.array([np.nan], np.float32), np.array([1.0], np.float32)) is None
    assert integers_on(np.array([2.0**25], np.float32), np.array([1.0], np.float32)) is None


def test_unscaled_lists_values_and_weights() -> None:
    graph = network()
    assert unscaled(graph) == ["image", "kernel", "conv", "weight", "q", "logits", "out"]
    for name in ("image", "kernel", "weight", "q", "logits"):
        graph.update(name, scale=(1.0,))
    assert unscaled(graph) == ["conv", "out"]


def test_the_table_of_a_selected_weight_is_a_weight() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 2, 3)), name="x")
    task = graph.add(Input(), type=TensorType((), "i64"), name="task")
    table = graph.add_const(np.ones((2, 3, 4), np.float32), name="table")
    graph.outputs = [graph.add(Linear(), [x, graph.add(Select(), [table, task])], name="y")]
    assert unscaled(graph) == ["x", "table", "y"]


def test_who_reads_the_narrow_copy() -> None:
    graph = network()
    depthwise = graph.add_const(np.ones((6, 1, 1, 1), np.float32))
    by_channel = graph.add(Conv2d(groups=6), ["conv", depthwise])
    mixed = graph.add(TokenMix(), ["q", graph.add_const(np.ones((2, 4), np.float32))])
    cut = graph.add(Slice(1, 0, 1), ["q"])
    found = {name: narrow_positions(graph, name) for name in ("conv", "q", "logits", "out", by_channel, mixed, cut)}
    assert found == {"conv": (0,), "q": (0,), "logits": (0, 1), "out": (1,), by_channel: (), mixed: (0,), cut: ()}
    shapes = [(1, 2, 3), (1, 2, 2), (2, 3, 4), (2, 4), (2, 4, 3), (2, 3)]
    operands = [graph.add_const(np.ones(shape, np.float32)) for shape in shapes]
    assert narrow_positions(graph, graph.add(Moe(experts=2), operands)) == (0,)
    assert narrow_positions(graph, graph.add(Reshape((4, 6)), ["q"])) == ()


def test_logit_formats_are_named_by_their_step() -> None:
    graph = network()
    for fraction_bits in (6, 8):
        graph.update("logits", fmt="int16", scale=(float(np.float32(np.log(2) / 2**fraction_bits)),))
        assert logit_format(graph["logits"]) == f"q{15 - fraction_bits}.{fraction_bits}"
    graph.update("logits", scale=(0.01,))
    assert logit_format(graph["logits"]) == "int16"
