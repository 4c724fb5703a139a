"""Experts in groups of tokens: every word right, as few bytes as a search finds, nothing relaxed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.passes.conftest import front, machine_with
from tests.passes.machine import Machine
from tests.passes.networks import Net
from tests.passes.test_schedule import durations
from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Moe
from vitaccel.ir.plan import MoeKernel, Plan
from vitaccel.ir.program import Engine, Load, MatMul, Program, Route, Store
from vitaccel.ir.verify import verify_plan, verify_program
from vitaccel.passes.allocate import Allocate
from vitaccel.passes.expert_groups import cut_experts
from vitaccel.passes.lifetimes import lifetimes, words_at
from vitaccel.passes.schedule import Schedule
from vitaccel.passes.tile import Tile


@dataclass(frozen=True)
class Shape:
    """A network of one layer of experts; ``residual`` is none, added, or added and needed again afterwards."""

    frames: int = 1
    tokens: int = 9
    width: int = 8
    hidden: int = 5
    experts: int = 4
    k: int = 2
    capacity: int = 0
    residual: str = "added"

    def graph(self) -> Graph:
        net = Net(self.frames, self.tokens, self.width)
        stream = net.linear(net.norm(net.x), self.width)
        x = net.norm(stream)
        weights = (
            net.const(self.experts, self.width, self.hidden),
            net.const(self.experts, self.hidden),
            net.const(self.experts, self.hidden, self.width),
            net.const(self.experts, self.width),
        )
        attributes = {"capacity": self.capacity, "order": "token"} if self.capacity else {}
        op = Moe(experts=self.experts, k=self.k, **attributes)
        value = net.op(op, x, net.linear(x, self.experts), *weights)
        if self.residual != "none":
            value = net.op(Add(), stream, value)
        if self.residual == "again":
            value = net.op(Add(), net.linear(net.norm(value), self.width), stream)
        return front(net.done(net.linear(net.norm(value), 3)))


SHAPES = st.builds(
    Shape,
    frames=st.integers(1, 4),
    tokens=st.integers(1, 40),
    width=st.integers(1, 50),
    hidden=st.integers(1, 20),
    experts=st.integers(2, 6),
    k=st.integers(1, 2),
    residual=st.sampled_from(["none", "added", "again"]),
)


SEEDS = st.integers(0, 2**32 - 1)

BIG = Shape(tokens=200, width=24, hidden=40, experts=8)
WIDE = Shape(tokens=150, width=60, hidden=2, experts=2, k=1)
"""Weights that are cheaper to load again than the rows of x are to move, and the other way round."""


def moe_of(plan: Plan) -> tuple[int, MoeKernel]:
    ((at, kernel),) = [(at, k) for at, k in enumerate(plan.kernels) if isinstance(k, MoeKernel)]
    return at, kernel


def lowered(graph: Graph, arch: Arch) -> tuple[Plan, Program]:
    plan = Allocate().run(Tile(arch=arch).run(graph))
    verify_plan(plan, after="allocate")
    program = Schedule().run(plan)
    verify_program(program, after="schedule")
    return plan, program


def machines(graph: Graph, pe: str, order: str) -> Iterator[Arch]:
    """Machines with less and less room, as shares of what the network takes when there is enough."""
    whole, _ = lowered(graph, machine_with(pe, 1 << 20, moe__order=order))
    items, _ = lifetimes(whole)
    most = max(words_at(items, at) for at in range(len(whole.kernels)))
    for share in (0.8, 0.65, 0.5, 0.4, 0.3, 0.2):
        size = int(most * share) * whole.arch.array.side * whole.arch.array.count
        yield machine_with(pe, max(1024, size), 1 << 13, moe__order=order)


def run(graph: Graph, arch: Arch, rng: random.Random) -> set[str]:
    """Run on the machine that trusts no pass; what became of the experts, in words."""
    plan, program = lowered(graph, arch)
    machine = Machine(plan, program)
    for slow in (None, *Engine):
        machine.run(durations(program, rng, slow))
    at, kernel = moe_of(plan)
    pieces = plan.groups.get(at, 1)
    check_program(plan, program, kernel.group_tokens(plan.arch, pieces))
    if pieces == 1:
        return {f"whole, {kernel.in_flight} in flight"}
    found = {"whole frames" if pieces <= kernel.frames else "parts of frames", f"groups, {kernel.in_flight} in flight"}
    for title in ("x", "logits", "residual", "out"):
        name = getattr(kernel, title)
        found.add(f"{title} {plan.tensors[name].home if name else 'none'}")
    stores = [i for i in program.instructions if isinstance(i, Store) and i.layout == "channel"]
    return found | {"x leaves in runs" for i in stores if i.stride_bytes > i.row_bytes}


@settings(max_examples=40)
@given(SHAPES, st.sampled_from(["64", "4x4", "3x4x4", "5x5x5"]), st.sampled_from(["static", "longest"]), SEEDS)
def test_groups_of_any_layer_are_right_word_by_word(shape: Shape, pe: str, order: str, seed: int) -> None:
    graph = shape.graph()
    for machine in machines(graph, pe, order):
        try:
            run(graph, machine, random.Random(seed))
        except CapacityError:
            return


def test_layers_are_cut_in_every_way(seed: int) -> None:
    ways = {"whole, 1 in flight", "whole frames", "parts of frames", "groups, 1 in flight", "residual none"}
    ways |= {f"{title} {home}" for title, home in product(("x", "logits", "residual", "out"), ("chip", "dram"))}
    ways |= {"x leaves in runs"}
    found: set[str] = set()
    for shape in (BIG, replace(BIG, frames=3, tokens=50, residual="again"), WIDE, replace(WIDE, residual="none")):
        graph = shape.graph()
        for machine in machines(graph, "4x4", "longest"):
            with suppress(CapacityError):
                found |= run(graph, machine, random.Random(seed))
    assert found >= ways, ways - found


def check_program(plan: Plan, program: Program, groups: tuple[int, ...]) -> None:
    """Every group is routed once, and loads the weights of all experts once."""
    at, kernel = moe_of(plan)
    mine = [i for k, i in zip(program.kernel_of, program.instructions, strict=True) if k == at]
    assert tuple(i.tokens for i in mine if isinstance(i, Route)) == groups
    assert sum(groups) == kernel.frames * kernel.tokens
    own = [size for name, (_, size) in program.dram_map.items() if name.startswith(f"{kernel.node}.expert")]
    weights = [i.total_bytes for i in mine if isinstance(i, Load) and i.buffer == "weight"]
    assert sum(weights) == len(groups) * sum(own) == len(groups) * kernel.weight_bytes(plan.arch)
    useful = sum(i.k * i.n for i in mine if isinstance(i, MatMul))
    assert useful == len(groups) * kernel.experts * kernel.hidden * (kernel.width_in + kernel.width_out)
    assert (program.layers[at].routed.groups or groups) == groups  # type: ignore[union-attr]


# -- what is chosen ------------------------------------------------------------------------------------------------
def tiled(shape: Shape, arch: Arch) -> Plan:
    plan = Tile(arch=arch).run(shape.graph())
    return replace(plan, kernels=list(plan.kernels), tensors=dict(plan.tensors), groups={})


def load_of(plan: Plan) -> int:
    return words_at(lifetimes(plan)[0], moe_of(plan)[0])


def test_one_expert_in_flight_comes_before_groups() -> None:
    plan = tiled(BIG, machine_with())
    before, tensors = load_of(plan), len(plan.tensors)
    assert cut_experts(plan, moe_of(plan)[0], before, before - 1)
    at, kernel = moe_of(plan)
    assert (kernel.in_flight, plan.groups[at], len(plan.tensors)) == (1, 1, tensors - 3)
    staged = sum(plan.tensors[name].words(plan.arch) for name in kernel.staging)
    assert load_of(plan) == before - staged
    assert all(tensor.home == "chip" for tensor in plan.tensors.values() if tensor.kind == "activation")


@pytest.mark.parametrize("share", [0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
def test_the_cut_is_the_one_that_moves_fewest_bytes(share: float) -> None:
    """Against trying every number of groups with every operand on chip or in DRAM, and counting what is placed."""
    plan = tiled(BIG, machine_with())
    at, kernel = moe_of(plan)
    before = load_of(plan)
    capacity = int(before * share)
    possible = []
    operands = [name for name in (*kernel.reads, kernel.out) if plan.tensors[name].home == "chip"]
    for homes in product(("chip", "dram"), repeat=len(operands)):
        moved = {name: replace(plan.tensors[name], home=home) for name, home in zip(operands, homes, strict=True)}
        for copies, pieces in product((1, 2), range(1, 26)):
            longest = max(kernel.group_tokens(plan.arch, pieces))
            staging = kernel.staging[: 3 * copies]
            staged = {name: replace(plan.tensors[name], tokens=longest) for name in staging}
            kernels = [*plan.kernels[:at], replace(kernel, staging=staging), *plan.kernels[at + 1 :]]
            trial = replace(plan, kernels=kernels, tensors=plan.tensors | moved | staged, groups={at: pieces})
            if load_of(trial) <= capacity:
                bytes_moved = len(kernel.group_tokens(plan.arch, pieces)) * kernel.weight_bytes(plan.arch)
                for name in operands:
                    readers = sum(name in other.reads for other in plan.kernels)
                    in_dram = trial.tensors[name].home == "dram"
                    bytes_moved += in_dram * (1 + readers) * plan.tensors[name].dram_bytes(plan.arch)
                possible.append(bytes_moved)
    assert cut_experts(plan, at, before, capacity) == bool(possible)
    if possible:
        assert load_of(plan) <= capacity
        kernel = moe_of(plan)[1]
        groups = len(kernel.group_tokens(plan.arch, plan.groups[at]))
        moved_bytes = groups * kernel.weight_bytes(plan.arch)
        for name in operands:
            readers = sum(name in other.reads for other in plan.kernels)
            moved_bytes += (
                (plan.tensors[name].home == "dram") * (1 + readers) * plan.tensors[name].dram_bytes(plan.arch)
            )
        assert moved_bytes == min(possible)


def test_nothing_is_changed_when_nothing_takes_fewer_words() -> None:
    plan = tiled(BIG, machine_with())
    before = str(plan)
    assert not cut_experts(plan, moe_of(plan)[0], load_of(plan), 10)
    assert (str(plan), plan.groups) == (before, {})


# -- capacity ------------------------------------------------------------------------------------------------------
def test_experts_with_a_capacity_are_never_cut() -> None:
    """Which tokens are dropped depends on all tokens: one group or a refusal, whatever the buffer."""
    graph = replace(BIG, capacity=60).graph()
    kernels, refused = set(), 0
    for size in range(60_000, 4_000, -2_000):
        try:
            plan, program = lowered(graph, machine_with("64", size))
        except CapacityError as error:
            refused += "moe" in str(error)
            continue
        at, kernel = moe_of(plan)
        kernels.add(kernel.in_flight)
        assert plan.groups.get(at, 1) == 1
        assert sum(isinstance(i, Route) for i in program.instructions) == 1
        Machine(plan, program).run(durations(program, random.Random(size)))
    assert kernels == {1, 2}
    assert refused > 3
