"""Places in the memory of moments: whose rows get one, when it is free again, and what waits for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

import pytest

from tests.passes.conftest import machine_with
from tests.passes.machine import Machine
from tests.passes.memory import HazardError
from tests.passes.networks import Net
from vitaccel.errors import CapacityError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Concat, Slice
from vitaccel.ir.plan import LaneKernel, MatMulKernel, Plan
from vitaccel.ir.program import NOWHERE, Engine, Lane, MatMul, Program
from vitaccel.passes.emission import matmul
from vitaccel.passes.emission.moments import Moments

Lower = Callable[..., tuple[Plan, Program]]


def stack(blocks: int, frames: int = 1, tokens: int = 35, width: int = 18, hidden: int = 40) -> Graph:
    """MLPs behind one another, each with its LayerNorm and a residual around it."""
    net = Net(frames, tokens, width)
    x = net.linear(net.x, width)
    for _ in range(blocks):
        inner = net.op(Activation("gelu"), net.linear(net.norm(x), hidden))
        x = net.op(Add(), x, net.linear(inner, width))
    return net.done(net.norm(x))


def instructions(program: Program) -> tuple[list[MatMul], list[Lane]]:
    """Those that take moments, and all LayerNorms."""
    taking = [i for i in program.instructions if isinstance(i, MatMul) and i.moments >= 0]
    return taking, [i for i in program.instructions if isinstance(i, Lane) and i.function == "layernorm"]


def run(plan: Plan, program: Program, rng: random.Random, times: int = 3) -> None:
    machine = Machine(plan, program)
    for _ in range(times):
        machine.run([(int(10 ** rng.uniform(0, 3)), rng.randrange(200)) for _ in program.instructions])


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("pe", ["64", "4x4", "3x8x8"])
def test_every_layernorm_of_a_stack_has_its_moments(frames: int, pe: str, lower: Lower, seed: int) -> None:
    plan, program = lower(stack(3, frames), machine_with(pe))
    taking, layernorms = instructions(program)
    assert layernorms
    assert all(lane.moments >= 0 and lane.passes == 1 for lane in layernorms)
    assert sum(each.n * each.tokens for each in taking) == 4 * frames * 35 * 18
    run(plan, program, random.Random(seed))


@pytest.mark.parametrize("moment_blocks", [0, 1, 4, 5, 8, 9, 10, 13, 14, 15, 17, 18, 64])
@pytest.mark.parametrize(("pe", "frames"), [("64", 1), ("4x4", 1), ("64", 2), ("3x8x8", 3)])
def test_moments_hold_until_they_are_read(pe: str, frames: int, moment_blocks: int, lower: Lower, seed: int) -> None:
    """35 tokens are 5 row-blocks of 8, or 9 of 4: what does not fit streams twice, and what does waits for readers."""
    plan, program = lower(stack(4, frames), machine_with(pe, buffers__moment_blocks=str(moment_blocks)))
    need = frames * -(-35 // plan.arch.array.side)
    taking, layernorms = instructions(program)
    assert {lane.moments >= 0 for lane in layernorms} == {moment_blocks >= need}
    assert bool(taking) == (moment_blocks >= need)
    assert all(each.moments + each.row_blocks <= moment_blocks for each in taking)
    run(plan, program, random.Random(seed))


@pytest.mark.parametrize("name", ["vit-batch", "lookupvit", "hybrid-batch", "vmoe"])
def test_models_hold_their_moments_in_any_memory(name: str, lower: Lower, seed: int) -> None:
    """Some of their LayerNorms stream once; those behind experts, joins and tensors that do not fit stream twice."""
    rng, kinds = random.Random(seed), set()
    for pe, blocks in (("64", 15), ("4x4", 5), ("3x8x8", 3), ("5x5", 14), ("16x16", 2)):
        plan, program = lower(name, machine_with(pe, buffers__moment_blocks=str(blocks)))
        kinds |= {lane.moments >= 0 for lane in instructions(program)[1]}
        run(plan, program, rng, times=1)
    assert kinds == {False, True}


@pytest.mark.parametrize("weight_bytes", [1 << 17, 1 << 11])
@pytest.mark.parametrize("rows_first", [False, True])
def test_strips_and_streams_take_moments_column_after_column(
    rows_first: bool, weight_bytes: int, lower: Lower, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and weights that come from DRAM in pieces, whichever of them outermost, add to the same sums."""
    monkeypatch.setattr(matmul, "_rows_outermost", lambda *_: rows_first)
    streamed = 0
    for size, frames, blocks in product((12 << 10, 8 << 10, 6 << 10, 5 << 10), (1, 2), (5, 64)):
        arch = machine_with("64", size, weight_bytes, buffers__moment_blocks=str(blocks))
        try:
            plan, program = lower(stack(3, frames, width=50, hidden=70), arch)
        except CapacityError:
            continue
        taking, layernorms = instructions(program)
        fits = blocks >= frames * 5
        assert {each.begins_moments for each in taking} == ({True, False} if fits else set())
        assert {lane.moments >= 0 for lane in layernorms} == {fits}
        run(plan, program, random.Random(seed), times=1)
        places = {each.out for each in plan.kernels if isinstance(each, MatMulKernel) and each.moments}
        streamed += any(name in places and len(held) > 1 for (_, name), held in plan.staging.items())
    assert streamed


def test_a_place_that_is_used_again_waits_for_its_readers(lower: Lower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that a LayerNorm that is late finds other moments, and the machine sees it."""
    graph, arch = waiting(), machine_with("64", buffers__moment_blocks="5")
    plan, program = lower(graph, arch)
    assert {each.moments for each in instructions(program)[0] if each.begins_moments} <= set(range(5))
    machine = Machine(plan, program)
    slow = [(1000 if i.engine == Engine.VECTOR else 1, 0) for i in program.instructions]
    machine.run(slow)
    monkeypatch.setattr(Moments, "free", lambda *_: [])
    with pytest.raises(HazardError, match="moments word"):
        Machine(*lower(graph, arch)).run(slow)


def waiting() -> Graph:
    """A LayerNorm that nothing waits for while the next rows drain: its result is an output."""
    net = Net(1, 35, 18)
    return net.done(*(net.norm(net.linear(net.x, 18)) for _ in range(3)))


def test_a_place_is_held_until_the_last_layernorm_has_it(lower: Lower, seed: int) -> None:
    """Two LayerNorms of one tensor, and rows in between that must stand elsewhere or nowhere."""
    net = Net(1, 35, 18)
    x = net.linear(net.x, 18)
    y = net.linear(net.norm(x), 18)
    graph = net.done(net.op(Add(), net.norm(y), net.norm(x)))
    for blocks, profit in ((5, 1), (9, 1), (10, 2)):
        plan, program = lower(graph, machine_with("64", buffers__moment_blocks=str(blocks)))
        taking, layernorms = instructions(program)
        assert len({each.layer for each in taking}) == profit
        run(plan, program, random.Random(seed))
        kernels = [plan.kernels[at] for at in program.kernel_of]
        once = {
            k.operands[0]
            for k, i in zip(kernels, program.instructions, strict=True)
            if isinstance(k, LaneKernel) and i in layernorms and isinstance(i, Lane) and i.moments >= 0
        }
        assert len(once) == profit


@pytest.mark.parametrize(
    "make",
    [
        lambda net: net.norm(net.x),
        lambda net: net.norm(net.op(Activation("gelu"), net.linear(net.x, 18))),
        lambda net: net.norm(net.op(Slice(1, 3, 30), net.linear(net.x, 18))),
        lambda net: net.norm(net.op(Concat(1), net.linear(net.x, 18), net.linear(net.x, 18))),
    ],
    ids=["an input", "behind a table", "a slice", "a join"],
)
def test_rows_that_no_plain_matmul_leaves_stream_twice(make: Callable[[Net], str], lower: Lower) -> None:
    net = Net(1, 35, 18)
    taking, layernorms = instructions(lower(net.done(make(net)), machine_with("64"))[1])
    assert not taking
    assert {(lane.passes, lane.moments) for lane in layernorms} == {(2, NOWHERE)}


def test_places_follow_each_other_and_begin_again(lower: Lower) -> None:
    """Next-fit: of 12 row-blocks two tensors of 5 have theirs, and the third has those of the first."""
    _, program = lower(stack(4), machine_with("64", buffers__moment_blocks="12"))
    begins: dict[str, int] = {}
    for each in instructions(program)[0]:
        begins.setdefault(each.layer, each.moments)
    assert list(begins.values()) == [0, 5, 0, 5, 0]
