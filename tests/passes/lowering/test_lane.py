"""Kernels of the lanes: functions, passes, operands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.conftest import front
from tests.passes.networks import Net
from vitaccel.arch import Arch
from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Activation,
    Add,
    Concat,
    Conv2d,
    Input,
    Mul,
    Op,
    Pool2d,
    Reshape,
    Resize2d,
    Slice,
    Softmax,
    Transpose,
)
from vitaccel.ir.plan import LaneKernel
from vitaccel.ir.types import TensorType
from vitaccel.passes.tile import Tile

ArchOf = Callable[..., Arch]


def last(net: Net, value: str, arch: Arch) -> LaneKernel:
    plan = Tile(arch=arch).run(front(net.done(value)))
    kernel = plan.kernels[-1]
    assert isinstance(kernel, LaneKernel)
    return kernel


@pytest.mark.parametrize(
    ("op", "shape", "function", "passes", "tokens", "channels"),
    [
        (Activation("silu"), (1, 9, 8), "silu", 1, 9, 8),
        (Softmax(), (1, 9, 8), "softmax", 2, 9, 8),
        (Transpose((0, 2, 1)), (1, 9, 8), "transpose", 1, 8, 9),
        (Slice(1, 2, 9), (1, 9, 8), "copy", 1, 7, 8),
        (Pool2d("max", (3, 3), (2, 2), (1, 1, 1, 1)), (1, 8, 6, 6), "pool_max", 9, 9, 8),
        (Pool2d("avg", (2, 2), (2, 2)), (1, 8, 6, 6), "pool_avg", 4, 9, 8),
        (Resize2d(9, 4), (1, 8, 3, 4), "resize", 4, 36, 8),
        (Resize2d(9, 4, mode="nearest"), (1, 8, 3, 4), "resize", 1, 36, 8),
    ],
)
def test_functions(
    op: Op, shape: tuple[int, ...], function: str, passes: int, tokens: int, channels: int, arch: ArchOf
) -> None:
    net = Net(*shape)
    x = net.norm(net.x) if isinstance(op, Transpose) else net.x  # the host lays out transposed inputs
    kernel = last(net, net.op(op, x), arch())
    assert (kernel.function, kernel.passes, kernel.tokens, kernel.channels) == (function, passes, tokens, channels)
    assert (kernel.window is not None) == isinstance(op, Slice | Pool2d | Resize2d)
    assert kernel.row_wise == (not isinstance(op, Transpose))


def test_a_depthwise_convolution_takes_a_pass_a_tap_and_counts_macs(arch: ArchOf) -> None:
    net = Net(1, 8, 6, 6)
    kernel = last(net, net.op(Conv2d(padding=(1, 1, 1, 1), groups=8), net.x, net.const(8, 1, 3, 3)), arch())
    assert (kernel.function, kernel.passes, kernel.macs) == ("depthwise", 9, 36 * 8 * 9)
    assert kernel.operands == ("x",)


def test_layernorm_takes_one_pass_where_a_matmul_left_the_moments(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    net.graph.outputs = [net.norm(net.linear(net.norm(net.x), 8))]
    plan = Tile(arch=arch()).run(front(net.graph))
    assert [k.passes for k in plan.kernels if isinstance(k, LaneKernel)] == [2, 1]


def test_parameters_of_channels_are_no_operands_and_tables_are(arch: ArchOf) -> None:
    for op in (Add(), Mul()):
        net = Net(1, 9, 8)
        assert last(net, net.op(op, net.x, net.const(8)), arch()).operands == ("x",)
        net = Net(1, 9, 8)
        assert len(last(net, net.op(op, net.x, net.const(1, 9, 8)), arch()).operands) == 2


@pytest.mark.parametrize(
    ("axis", "shape", "function", "tokens", "channels"),
    [(1, (1, 2, 8), "join_tokens", 11, 8), (2, (1, 9, 3), "join_channels", 9, 11)],
)
def test_joins_keep_every_operand(
    axis: int, shape: tuple[int, ...], function: str, tokens: int, channels: int, arch: ArchOf
) -> None:
    net = Net(1, 9, 8)
    kernel = last(net, net.op(Concat(axis), net.const(*shape), net.x), arch())
    assert (kernel.function, kernel.tokens, kernel.channels) == (function, tokens, channels)
    assert len(kernel.operands) == 2
    assert not kernel.row_wise


def test_what_moves_channels_among_tokens_is_refused(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    x = net.norm(net.x)
    with pytest.raises(UnsupportedError, match=r"transpose of f32\[1,9,8\] to f32\[9,1,8\] .*must keep tokens"):
        last(net, net.op(Transpose((1, 0, 2)), x), arch())


@pytest.mark.parametrize(("sources", "named"), [((), ""), (("b", "a"), r" \(ONNX node 'a'\)")])
def test_a_refused_view_names_its_onnx_node_if_it_has_one(arch: ArchOf, sources: tuple[str, ...], named: str) -> None:
    graph = Graph("windows")
    x = graph.add(Activation("gelu"), [graph.add(Input(), type=TensorType((1, 16, 8)), name="x")])
    heads = graph.add(Reshape((1, 32, 4)), [x], sources=sources)
    graph.outputs.append(graph.add(Activation("relu"), [heads]))
    shapes = r"reshape of f32\[1,16,8\] to f32\[1,32,4\]"
    with pytest.raises(UnsupportedError, match=f"{shapes}{named} must keep tokens and channels apart, as windows"):
        Tile(arch=arch("16")).run(front(graph))
