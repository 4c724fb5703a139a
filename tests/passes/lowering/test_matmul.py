"""Kernels of the array: depth, tiles, residuals, windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.conftest import front
from tests.passes.networks import Net
from vitaccel.arch import Arch
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Concat, Conv2d, MatMul, Mean, TokenMix, ToTokens
from vitaccel.ir.plan import CHANNEL, MatMulKernel, Plan
from vitaccel.passes.tile import Tile

ArchOf = Callable[..., Arch]


def lowered(graph: Graph, arch: Arch) -> tuple[Plan, MatMulKernel]:
    """The Plan and its only matmul."""
    plan = Tile(arch=arch).run(front(graph))
    (kernel,) = [k for k in plan.kernels if isinstance(k, MatMulKernel)]
    return plan, kernel


def test_a_linear_layer_with_its_epilogue(arch: ArchOf) -> None:
    net = Net(2, 9, 8)
    x = net.norm(net.x)
    first = net.op(Activation("gelu"), net.linear(x, 20))
    _, kernel = lowered(net.done(first), arch())
    assert (kernel.frames, kernel.tokens, kernel.k, kernel.n, kernel.n_tiles) == (2, 9, 8, 20, 3)
    assert (kernel.activation, kernel.residual, kernel.macs) == ("gelu", "", 2 * 9 * 8 * 20)


def test_a_residual_is_an_earlier_tensor_or_a_table(arch: ArchOf) -> None:
    net = Net(1, 9, 8)
    x = net.norm(net.x)
    plan, kernel = lowered(net.done(net.op(Add(), x, net.linear(net.norm(x), 8))), arch())
    assert plan.tensors[kernel.residual].kind == "activation"
    net = Net(1, 9, 8)
    plan, kernel = lowered(net.done(net.op(Add(), net.linear(net.norm(net.x), 8), net.const(1, 9, 8))), arch())
    table = plan.tensors[kernel.residual]
    assert (table.kind, table.home, table.tokens, table.element_bytes) == ("constant", "dram", 9, 2)


def embedding(net: Net, **attributes: tuple[int, ...]) -> str:
    return net.op(ToTokens(), net.op(Conv2d(**attributes), net.x, net.const(6, 3, 4, 4)))


def test_a_patch_embedding_takes_the_class_token_along(arch: ArchOf) -> None:
    net = Net(2, 3, 8, 12)
    joined = net.op(Concat(1), net.const(2, 1, 6), embedding(net, stride=(4, 4)))
    plan, kernel = lowered(net.done(net.op(Add(), joined, net.const(1, 7, 6))), arch())
    patches = plan.tensors[kernel.a]
    assert (patches.kind, patches.frames, patches.tokens, patches.channels) == ("input", 2, 7, 48)
    assert (kernel.frames, kernel.tokens, kernel.k, kernel.window) == (2, 7, 48, None)
    assert plan.tensors[kernel.residual].tokens == 7


def test_a_convolution_with_a_window_leaves_the_class_token_to_the_lanes(arch: ArchOf) -> None:
    net = Net(1, 3, 8, 12)
    rows = embedding(net, stride=(4, 4), padding=(1, 1, 1, 1))
    plan, kernel = lowered(net.done(net.op(Concat(1), net.const(1, 1, 6), rows)), arch())
    assert kernel.window is not None
    assert kernel.tokens == 2 * 3
    assert plan.kernels[-1].op == "concat"


def test_tokens_behind_the_rows_move_nothing(arch: ArchOf) -> None:
    net = Net(1, 3, 8, 12)
    rows = embedding(net, stride=(4, 4), padding=(1, 1, 1, 1))
    plan, kernel = lowered(net.done(net.op(Concat(1), rows, net.const(1, 1, 6))), arch())
    assert kernel.tokens == 2 * 3 + 1
    assert [k.op for k in plan.kernels] == ["conv2d"]


@pytest.mark.parametrize(("groups", "k", "tiles"), [(1, 16 * 9, 2), (2, 8 * 9, 2), (4, 4 * 9, 4)])
def test_groups_of_a_convolution_have_tiles_of_their_own(groups: int, k: int, tiles: int, arch: ArchOf) -> None:
    net = Net(1, 16, 6, 6)
    conv = net.op(Conv2d(padding=(1, 1, 1, 1), groups=groups), net.x, net.const(12, 16 // groups, 3, 3))
    _, kernel = lowered(net.done(conv), arch())
    assert (kernel.k, kernel.n, kernel.n_tiles, kernel.groups) == (k, 12, tiles, groups)


@pytest.mark.parametrize("kind", ["matmul", "resize", "pool"])
def test_token_mixing_multiplies_a_constant_by_tokens(kind: str, arch: ArchOf) -> None:
    net = Net(2, 9, 8)
    plan, kernel = lowered(net.done(net.op(TokenMix(kind), net.norm(net.x), net.const(4, 9))), arch())
    a, b = plan.tensors[kernel.a], plan.tensors[kernel.b]
    assert (a.frames, a.tokens, a.channels, a.kind) == (1, 4, 9, "constant")
    assert (b.layout, b.tokens) == (CHANNEL, 9)
    assert (kernel.tokens, kernel.k, kernel.n) == (4, 9, 8)
    assert kernel.macs == (2 * 4 * 9 * 8 if kind == "matmul" else 0)


def test_a_mean_is_a_row_of_ones(arch: ArchOf) -> None:
    net = Net(2, 9, 8)
    plan, kernel = lowered(net.done(net.op(Mean(), net.norm(net.x))), arch())
    ones = plan.tensors[kernel.a]
    assert (ones.frames, ones.tokens, ones.channels, ones.kind) == (1, 1, 9, "constant")
    assert (kernel.frames, kernel.tokens, kernel.k, kernel.macs) == (2, 1, 9, 0)


def test_two_activations_multiply(arch: ArchOf) -> None:
    net = Net(2, 9, 8)
    other = net.graph.add(net.graph["x"].op, type=type(net.graph["x"].type)((2, 8, 5)), name="y")
    plan, kernel = lowered(net.done(net.op(MatMul(), net.norm(net.x), other)), arch())
    assert (kernel.k, kernel.n, kernel.macs) == (8, 5, 2 * 9 * 8 * 5)
    assert plan.tensors[kernel.b].layout == CHANNEL
