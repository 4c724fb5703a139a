"""Instructions of the lanes: groups of rows, shifts, joins."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.networks import Net
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Concat, Conv2d, Mul, Op, Pool2d, Resize2d, Slice, Softmax, Transpose
from vitaccel.ir.plan import Plan
from vitaccel.ir.program import Engine, Lane, Program

Run = Callable[..., list[tuple[Plan, Program]]]
SIZES = tuple(range(12 << 10, 1 << 10, -2 << 10))


def lanes(program: Program, function: str) -> list[Lane]:
    return [i for i in program.instructions if isinstance(i, Lane) and i.function == function]


def sequence(frames: int, op: Op, *others: tuple[int, ...]) -> Graph:
    net = Net(frames, 35, 18)
    x = net.norm(net.linear(net.x, 18))
    return net.done(net.op(Softmax(), net.op(op, x, *(net.const(*shape) for shape in others))))


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(
    ("op", "others"),
    [
        (Activation("silu"), ()),
        (Softmax(), ()),
        (Transpose((0, 2, 1)), ()),
        (Add(), ((1, 35, 18),)),
        (Add(), ((35, 18),)),
        (Mul(), ((1, 1, 18),)),
        (Slice(1, 0, 20), ()),
        (Slice(1, 3, 30), ()),
        (Slice(1, 16, 17), ()),
    ],
)
def test_functions_of_tokens(frames: int, op: Op, others: tuple[tuple[int, ...], ...], run_everywhere: Run) -> None:
    ran = run_everywhere(sequence(frames, op, *others), sizes=SIZES)
    assert len(ran) > 3


@pytest.mark.parametrize("tokens", [9, 16, 20])
def test_a_transpose_needs_all_tokens_even_where_row_blocks_agree(tokens: int, run_everywhere: Run) -> None:
    net = Net(1, tokens, tokens)
    x = net.norm(net.linear(net.x, tokens))
    for plan, program in run_everywhere(net.done(net.op(Transpose((0, 2, 1)), x)), sizes=SIZES):
        (lane,) = lanes(program, "transpose")
        assert lane.row_blocks == -(-tokens // plan.arch.array.side)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(
    "op",
    [
        Pool2d("max", (3, 3), (2, 2), (1, 1, 1, 1)),
        Pool2d("avg", (2, 2), (2, 2)),
        Resize2d(20, 14),
        Resize2d(5, 7),
        Resize2d(13, 9, mode="nearest"),
    ],
)
def test_images_are_seen_through_windows(frames: int, op: Op, run_everywhere: Run) -> None:
    net = Net(frames, 6, 10, 14)
    x = net.op(Activation("relu"), net.op(Conv2d(), net.x, net.const(10, 6, 1, 1)))
    depthwise = net.op(Conv2d(padding=(1, 1, 1, 1), groups=10), x, net.const(10, 1, 3, 3))
    ran = run_everywhere(net.done(net.op(op, depthwise)), arrays=("64", "4x4"), sizes=(24 << 10, 16 << 10, *SIZES))
    assert len(ran) > 3
    assert any(len(places) == 2 for plan, _ in ran for places in plan.staging.values())


@pytest.mark.parametrize(("start", "shift"), [(0, 0), (1, -1), (7, -7), (8, 0), (19, -3)])
def test_a_slice_moves_its_first_token_to_lane_0(start: int, shift: int, run_everywhere: Run) -> None:
    for plan, program in run_everywhere(sequence(1, Slice(1, start, start + 12)), arrays=("64",)):
        copies = lanes(program, "copy")
        assert {lane.shift for lane in copies} == {shift}
        source = plan.places[next(k.operands[0] for k in plan.kernels if k.op == "slice")]
        words = plan.tensors[source.tensor].row_block_words(plan.arch)
        assert copies[0].a == source.address + start // 8 * words


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(("before", "behind"), [(1, 0), (0, 1), (3, 2), (8, 9)])
def test_tokens_join_behind_each_other(frames: int, before: int, behind: int, run_everywhere: Run) -> None:
    net = Net(frames, 35, 18)
    x = net.norm(net.linear(net.x, 18))
    parts = [net.const(1 if frames == 1 else frames, n, 18) if n else "" for n in (before, behind)]
    joined = net.op(Concat(1), *[p for p in (parts[0], x, parts[1]) if p])
    for plan, program in run_everywhere(net.done(net.norm(joined))):
        side = plan.arch.array.side
        copies = lanes(program, "copy")
        assert [lane.tokens for lane in copies] == [n for n in (before, 35, behind) if n for _ in range(frames)]
        assert {lane.shift for lane in copies if lane.tokens == 35} == {before % side}


@pytest.mark.parametrize("frames", [1, 2])
def test_a_token_joined_into_a_row_block_waits_for_those_that_stand_there(frames: int, run_everywhere: Run) -> None:
    """Its words are read and written again, with the lanes of the operand before as they are."""
    net = Net(frames, 35, 18)
    x = net.norm(net.linear(net.x, 18))
    joined = net.op(Concat(1), net.const(frames, 3, 18), x)
    for _, program in run_everywhere(net.done(net.norm(joined)), arrays=("64",)):
        vector = [i for i in program.instructions if i.engine == Engine.VECTOR]
        parts = [at for at, lane in enumerate(vector) if isinstance(lane, Lane) and lane.function == "copy"]
        for before, after in zip(parts[:frames], parts[frames:], strict=True):
            assert vector[after].waits[Engine.VECTOR] >= before + 1


def test_channels_join_beside_each_other(run_everywhere: Run) -> None:
    net = Net(2, 35, 18)
    x, y = (net.norm(net.linear(net.x, width)) for width in (16, 6))
    for _, program in run_everywhere(net.done(net.norm(net.op(Concat(2), x, y))), arrays=("64", "4x4")):
        first, second = lanes(program, "copy")[::2]
        assert second.out - first.out == 16
        assert first.out_step == second.out_step
