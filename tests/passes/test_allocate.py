"""Places never collide, spills happen in order of need, and what cannot fit says so."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.passes.conftest import MICRO, machine_with
from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.graph import Graph
from vitaccel.ir.plan import (
    AttentionKernel,
    Kernel,
    LaneKernel,
    MatMulKernel,
    Place,
    Plan,
    Tensor,
    kernel_writes,
    operand_rows,
)
from vitaccel.ir.rows import runs
from vitaccel.ir.verify import verify_plan
from vitaccel.passes.allocate import Allocate
from vitaccel.passes.tile import Tile

ArchOf = Callable[..., Arch]
Prepared = Callable[[str], Graph]


def capacity(arch: Arch) -> int:
    return arch.buffers.activation_bytes // (arch.array.side * arch.array.count) // 8 * 8


def check_places(plan: Plan) -> None:
    """Word by word and kernel by kernel: no word has two owners, every tensor has room where it is touched."""
    shared = {place: {name for name, own in plan.places.items() if own == place} for place in plan.places.values()}
    for at, kernel in enumerate(plan.kernels):
        alive: dict[tuple[object, int], Place] = {
            (place, 0): place for place in shared if place.first <= at <= place.last
        }
        for (user, name), staged in plan.staging.items():
            assert all(place.first == place.last == user for place in staged)
            alive |= {(name, part): place for part, place in enumerate(staged) if user == at}
        for one, other in combinations(alive.values(), 2):
            words = [set(range(p.address, p.address + p.words)) for p in (one, other)]
            assert not words[0] & words[1], f"{kernel.label}: {one} and {other}"
        assert all(p.address >= 0 and p.address + p.words <= capacity(plan.arch) for p in alive.values())
        assert all(p.address % 8 == p.words % 8 == 0 for p in alive.values())
        for name in {*kernel.reads, *kernel_writes(kernel)}:
            check_room(plan, at, kernel, name)


def check_room(plan: Plan, at: int, kernel: Kernel, name: str) -> None:
    tensor = plan.tensors[name]
    staged = plan.staging.get((at, name))
    if tensor.home == "chip":
        assert staged is None
        assert plan.places[name].words == tensor.words(plan.arch)
        assert plan.places[name].first <= at <= plan.places[name].last
        return
    assert staged
    if len(staged) == 1:
        return
    if isinstance(kernel, MatMulKernel | LaneKernel):
        blocks = -(-kernel.tokens // plan.arch.array.side)
        rows = operand_rows(plan, kernel, name)
        pieces = runs(kernel.frames, blocks, plan.groups[at], by_frame=False)
        most = max(rows.needed(*piece)[1] for piece in pieces) if kernel.frames == 1 else 1
        assert all(place.words >= most * tensor.row_block_words(plan.arch) for place in staged)
    else:
        assert isinstance(kernel, AttentionKernel)


def spilled(plan: Plan) -> int:
    return sum(t.words(plan.arch) for t in plan.tensors.values() if t.home == "dram" and t.kind == "activation")


@pytest.mark.parametrize("model", MICRO)
@pytest.mark.parametrize("pe", ["64", "3x8x8"])
def test_shrinking_the_buffer_spills_and_then_refuses(model: str, pe: str, prepared: Prepared, arch: ArchOf) -> None:
    fitted = []
    for size in (1 << 20, *range(40 << 10, 1 << 10, -1536)):
        machine = arch(pe, size)
        try:
            plan = Allocate().run(Tile(arch=machine).run(prepared(model)))
        except CapacityError as error:
            text = str(error)
            assert "needs" in text
            assert f"buffers.activation_bytes is {capacity(machine) * machine.array.side * machine.array.count}" in text
            need = int(text.split("needs at most ")[1].split()[0])
            assert need > capacity(machine) * machine.array.side * machine.array.count
            fitted.append(-1)
            continue
        verify_plan(plan, after="allocate")
        check_places(plan)
        fitted.append(spilled(plan))
    assert fitted[0] == 0
    assert fitted[-1] == -1, "the smallest buffer holds nothing"


def test_what_the_error_asks_for_is_enough_in_the_end(prepared: Prepared, arch: ArchOf) -> None:
    for model in ("m3vit", "hybrid", "lookupvit"):
        size, tries = 2048, 0
        while True:
            try:
                Allocate().run(Tile(arch=arch("64", size)).run(prepared(model)))
                break
            except CapacityError as error:
                size = int(str(error).rsplit("=", 1)[1])
                tries += 1
        assert 1 <= tries <= 8


def test_a_residual_is_added_where_it_stands(prepared: Prepared, arch: ArchOf) -> None:
    plan = Allocate().run(Tile(arch=arch()).run(prepared("vit")))
    adders = [k for k in plan.kernels if isinstance(k, MatMulKernel) and k.residual in plan.places]
    assert len(adders) == 4
    assert all(plan.places[k.out] == plan.places[k.residual] for k in adders)


def test_a_residual_that_is_read_again_keeps_its_place() -> None:
    plan = Plan("again", machine_with())
    for name in ("x", "h", "y", "z"):
        plan.tensors[name] = Tensor(name=name, frames=1, tokens=9, channels=8, element_bytes=2)
    common = {"node": "n", "op": "f", "function": "f", "tokens": 9}
    plan.kernels = [
        LaneKernel(label="x", out="x", operands=(), **common),
        LaneKernel(label="h", out="h", operands=("x",), **common),
        MatMulKernel(label="y", node="n", op="f", out="y", a="h", residual="x", tokens=9),
        LaneKernel(label="z", out="z", operands=("x", "y"), **common),
    ]
    placed = Allocate().run(plan)
    check_places(placed)
    assert not placed.places["x"].overlaps(placed.places["y"])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Chains and trees of lane kernels and matmuls over tensors of any size, some with residuals."""
    plan = Plan("random", machine_with(draw(st.sampled_from(["64", "4x4", "3x4x4"])), draw(st.integers(1024, 9000))))
    tokens = draw(st.integers(1, 40))
    names = ["t0"]
    plan.tensors["t0"] = Tensor(
        name="t0", frames=1, tokens=tokens, channels=8, element_bytes=1, kind="input", home="dram"
    )
    for at in range(1, draw(st.integers(2, 12))):
        name = f"t{at}"
        read = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        channels, size = draw(st.integers(1, 60)), draw(st.sampled_from([1, 2]))
        out = Tensor(name=name, frames=1, tokens=tokens, channels=channels, element_bytes=size)
        fits = [n for n in names[1:] if n not in read and plan.tensors[n].channels == channels]
        residual = draw(st.sampled_from(["", *fits]))
        kind = {"label": name, "node": name, "op": "f", "out": name, "tokens": tokens}
        if draw(st.booleans()):
            plan.kernels.append(MatMulKernel(**kind, a=read[0], residual=residual, k=8, n=channels, n_tiles=1))
        else:
            row_wise = draw(st.booleans())
            operands = tuple(read)
            plan.kernels.append(
                LaneKernel(**kind, function="f", operands=operands, channels=channels, row_wise=row_wise)
            )
        plan.tensors[name] = out
        names.append(name)
    plan.outputs = [names[-1]]
    return plan


@settings(max_examples=150)
@given(plans())
def test_random_plans_are_placed_right_or_refused(plan: Plan) -> None:
    try:
        placed = Allocate().run(plan)
    except CapacityError:
        return
    verify_plan(placed, after="allocate")
    check_places(placed)
    assert [k.label for k in placed.kernels] == [k.label for k in plan.kernels]


@settings(max_examples=50)
@given(plans())
def test_allocation_is_deterministic_and_leaves_its_plan_alone(plan: Plan) -> None:
    before = str(plan)
    try:
        first, second = Allocate().run(plan), Allocate().run(plan)
    except CapacityError:
        return
    assert (first.places, first.staging, first.groups) == (second.places, second.staging, second.groups)
    assert str(plan) == before
    assert not plan.places


def test_the_plan_of_a_micro_model_is_golden(
    prepared: Prepared, arch: ArchOf, golden: Callable[[str, str], None]
) -> None:
    golden("passes/vit.allocate.txt", str(Allocate().run(Tile(arch=arch("64", 4608)).run(prepared("vit")))))
