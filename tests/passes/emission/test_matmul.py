"""Instructions of matmuls: strips of columns, runs of rows, steps, streams."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest

from tests.passes.networks import Net
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Conv2d, Mean, Resize2d, Slice, TokenMix
from vitaccel.ir.ops import MatMul as Product
from vitaccel.ir.plan import MatMulKernel, Plan
from vitaccel.ir.program import Load, MatMul, Program, Store
from vitaccel.passes.schedule import Schedule

Ran = list[tuple[Plan, Program]]
Run = Callable[..., Ran]

SIZES = (24 << 10, 16 << 10, 12 << 10, 8 << 10, 6 << 10, 4 << 10, 3 << 10, 2 << 10)


def mlp(frames: int = 1, tokens: int = 37, width: int = 20, hidden: int = 90) -> Graph:
    net = Net(frames, tokens, width)
    x = net.linear(net.x, width)
    wide = net.op(Activation("gelu"), net.linear(net.norm(x), hidden))
    return net.done(net.norm(net.op(Add(), x, net.linear(wide, width))))


def matmuls(plan: Plan, program: Program) -> list[tuple[MatMulKernel, list[MatMul]]]:
    """The matmuls of each kernel."""
    pairs = [(at, i) for at, i in zip(program.kernel_of, program.instructions, strict=True) if isinstance(i, MatMul)]
    found = []
    for at, group in groupby(pairs, key=lambda pair: pair[0]):
        kernel = plan.kernels[at]
        assert isinstance(kernel, MatMulKernel)
        found.append((kernel, [i for _, i in group]))
    return found


@pytest.mark.parametrize("frames", [1, 2])
def test_rows_and_columns_are_covered_and_slots_hold_the_useful_macs(frames: int, run_everywhere: Run) -> None:
    for plan, program in run_everywhere(mlp(frames), sizes=SIZES):
        side = plan.arch.array.side
        for kernel, issued in matmuls(plan, program):
            useful = sum(i.tokens * i.k * i.n for i in issued)
            assert useful == kernel.macs
            assert sum(i.row_blocks * side * i.n_tiles * side * i.k for i in issued) >= useful
            assert sum(i.row_blocks * i.n_tiles for i in issued) == (
                kernel.frames * -(-kernel.tokens // side) * kernel.n_tiles
            )


def test_streams_are_taken(run_everywhere: Run) -> None:
    ran = run_everywhere(mlp(), sizes=SIZES)
    streamed = {
        (plan.kernels[at].label, name, len(places))
        for plan, _ in ran
        for (at, name), places in plan.staging.items()
        if len(places) == 2
    }
    assert streamed
    spills = [i for _, p in ran for i in p.instructions if isinstance(i, Store) and i.traffic == "spill"]
    assert {store.rows > 1 for store in spills} == {False, True}


def test_whichever_moves_fewer_bytes_is_outermost(run_everywhere: Run) -> None:
    for plan, program in run_everywhere(mlp(hidden=200), arrays=("64",), sizes=SIZES):
        for at, kernel in enumerate(plan.kernels):
            if not isinstance(kernel, MatMulKernel) or len(plan.staging.get((at, kernel.a), ())) < 2:
                continue
            mine = [i for k, i in zip(program.kernel_of, program.instructions, strict=True) if k == at]
            loads = [i for i in mine if isinstance(i, Load)]
            weights = sum(i.total_bytes for i in loads if i.buffer == "weight")
            rows = sum(i.total_bytes for i in loads if i.buffer == "activation")
            once = kernel.n_tiles * kernel.tile_bytes(plan.arch), plan.tensors[kernel.a].dram_bytes(plan.arch)
            assert weights == once[0] or rows <= 2 * once[1] + plan.tensors[kernel.a].dram_bytes(plan.arch) * 2


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "groups", "outputs"),
    [(3, 1, 1, 1, 20), (3, 2, 1, 1, 20), (2, 2, 0, 1, 20), (5, 1, 2, 1, 12), (3, 1, 1, 2, 12), (1, 1, 0, 1, 20)],
)
def test_convolutions_see_their_windows(
    frames: int, kernel: int, stride: int, padding: int, groups: int, outputs: int, run_everywhere: Run
) -> None:
    net = Net(frames, 6, 12, 10)
    stem = net.op(Activation("relu"), net.op(Conv2d(), net.x, net.const(12, 6, 1, 1)))
    conv = Conv2d((stride, stride), (padding,) * 4, groups=groups)
    out = net.op(conv, stem, net.const(outputs, 12 // groups, kernel, kernel))
    ran = run_everywhere(net.done(net.op(Resize2d(9, 9), out)), arrays=("64", "4x4"), sizes=SIZES)
    assert len(ran) > 3


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_contractions_over_tokens_take_a_frame_at_a_time(frames: int, run_everywhere: Run) -> None:
    net = Net(frames, 20, 10)
    x = net.norm(net.x)
    mixed = net.op(TokenMix(), x, net.const(9, 20))
    head = net.linear(net.op(Mean(), net.norm(mixed)), 5)
    other = net.graph.add(net.graph["x"].op, type=type(net.graph["x"].type)((frames, 10, 30)), name="y")
    product = net.op(Product(), x, other)
    for plan, program in run_everywhere(net.done(head, product), sizes=SIZES):
        for kernel, issued in matmuls(plan, program):
            if kernel.b:
                blocks = -(-kernel.tokens // plan.arch.array.side)
                assert all(i.row_blocks <= blocks for i in issued)


@pytest.mark.parametrize("frames", [1, 3])
def test_the_first_token_is_read_where_it_stands(frames: int, run_everywhere: Run) -> None:
    net = Net(frames, 20, 10)
    x = net.norm(net.linear(net.x, 10))
    heads = [net.linear(net.op(Slice(1, at, at + 1), x), 5) for at in (0, 1, 9)]
    for plan, program in run_everywhere(net.done(*heads), sizes=SIZES):
        assert sum(i.tokens * i.n for k, issued in matmuls(plan, program) for i in issued if k.n == 5) == 15 * frames


@pytest.mark.parametrize("groups", [1, 3, 99])
def test_tables_of_one_frame_serve_all_frames(groups: int, run_everywhere: Run) -> None:
    net = Net(3, 20, 10)
    graph = net.done(net.norm(net.op(Add(), net.linear(net.norm(net.x), 10), net.const(1, 20, 10))))
    for plan, _ in run_everywhere(graph, sizes=SIZES):
        program = Schedule(row_groups=groups).run(plan)
        (table,) = [n for n, t in plan.tensors.items() if n.endswith(".positions")]
        (kernel, issued), *_ = [(k, i) for k, i in matmuls(plan, program) if k.residual == table]
        assert {i.residual for i in issued if i.row_blocks == issued[0].row_blocks}
        assert sum(i.tokens * i.n for i in issued) == 60 * kernel.n
