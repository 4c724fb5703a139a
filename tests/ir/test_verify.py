"""Every rule of the Graph, the Plan and the Program, broken once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vitaccel.arch import Arch
from vitaccel.errors import VerifyError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Foreign, Input, Linear
from vitaccel.ir.plan import LaneKernel, Place, Plan, Tensor
from vitaccel.ir.program import Gather, Lane, Layer, Load, MatMul, Program, Region, Route, Routed
from vitaccel.ir.types import TensorType
from vitaccel.ir.verify import verify_graph, verify_plan, verify_program


def graph() -> Graph:
    made = Graph("net")
    x = made.add(Input(), type=TensorType((1, 5, 4)), name="x")
    fc = made.add(Linear(), (x, made.add_const(np.eye(4, dtype=np.float32), name="w")), name="fc")
    made.outputs = [made.add(Add(), (x, fc), name="sum")]
    return made


def test_a_legal_graph_passes() -> None:
    verify_graph(graph(), after="test")


def broken_type(made: Graph) -> None:
    made.update("fc", type=TensorType((1, 5, 5)))


def broken_operand(made: Graph) -> None:
    made.update("w", type=TensorType((3, 4)))


def broken_edge(made: Graph) -> None:
    made.digraph.remove_edge("x", "fc")


def broken_cycle(made: Graph) -> None:
    made.update("fc", inputs=("sum", "w"))


def broken_output(made: Graph) -> None:
    made.outputs = ["gone"]


def broken_operator(made: Graph) -> None:
    made.outputs = [made.add(Foreign("NonZero"), ["sum"], type=TensorType((1,)), name="f")]


def broken_arity(made: Graph) -> None:
    made.update("sum", inputs=("x",))


def broken_operand_name(made: Graph) -> None:
    made.update("sum", inputs=("x", "gone"))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (broken_type, r"fc = linear must have type f32\[1,5,4\], not f32\[1,5,5\]"),
        (broken_operand, "fc = linear: linear of .* must agree in K"),
        (broken_edge, "the edges into fc must be its operands"),
        (broken_cycle, "the graph must be acyclic"),
        (broken_output, "output 'gone' must be a node"),
        (broken_operator, "f is still the ONNX operator NonZero"),
        (broken_arity, "sum = add: "),
        (broken_operand_name, "operand 'gone' of sum must be a node"),
    ],
)
def test_a_broken_graph_is_found(break_it: Any, message: str) -> None:
    made = graph()
    break_it(made)
    with pytest.raises(VerifyError, match=f"^after test: {message}"):
        verify_graph(made, after="test")


def plan() -> Plan:
    made = Plan("net", Arch(), outputs=["z"])
    for name, kind in (("x", "input"), ("y", "activation"), ("z", "output")):
        made.tensors[name] = Tensor(name=name, frames=1, tokens=8, channels=8, element_bytes=1, kind=kind)
    for out, operand in (("y", "x"), ("z", "y")):
        made.kernels.append(
            LaneKernel(label=f"to_{out}", node=out, op="copy", out=out, function="copy", operands=(operand,))
        )
    made.places = {"y": Place("y", 0, 8, 0, 1), "z": Place("z", 8, 8, 1, 1)}
    made.staging = {(0, "x"): (Place("x", 8, 8, 0, 0),)}
    return made


def test_a_legal_plan_passes() -> None:
    verify_plan(plan(), after="test")


def test_operands_are_tensors_written_before() -> None:
    made = plan()
    made.kernels.reverse()
    with pytest.raises(VerifyError, match="to_z reads y, which must be written before"):
        verify_plan(made, after="test")
    made = plan()
    del made.tensors["y"]
    with pytest.raises(VerifyError, match="to_z reads y, which must be a tensor of the plan"):
        verify_plan(made, after="test")


@pytest.mark.parametrize(
    ("name", "place"),
    [("z", Place("z", 7, 8, 1, 1)), ("z", Place("z", 0, 8, 1, 1)), ("y", Place("y", 15, 1, 0, 1))],
)
def test_live_places_do_not_overlap(name: str, place: Place) -> None:
    made = plan()
    made.places[name] = place
    with pytest.raises(VerifyError, match=r"places of . and . must not overlap"):
        verify_plan(made, after="test")


def test_a_place_may_be_taken_over_when_its_tensor_is_dead() -> None:
    made = plan()
    made.places["z"] = Place("z", 8, 8, 1, 1)
    made.places["y"] = Place("y", 0, 8, 0, 1)
    verify_plan(made, after="test")
    made.staging[0, "x"] = (Place("x", 8, 8, 0, 1),)
    with pytest.raises(VerifyError, match="must not overlap"):
        verify_plan(made, after="test")


WORDS = (1 << 20) // 8
LOAD = Load(layer="", dram=0, buffer="activation", address=0, row_bytes=64, stride_bytes=64)
MATMUL = MatMul(layer="", a=0, weight=0, out=8, row_blocks=1, tokens=8, k=8, n=8, n_tiles=1, waits=(1, 0, 0, 0))
LANE = Lane(layer="", function="copy", a=8, out=0, row_blocks=1, tokens=8, channels=8, waits=(0, 1, 0, 0))


def program(**changes: Any) -> Program:
    made = Program("net", Arch(), [LOAD, MATMUL, LANE], [0, 0, 0], dram_bytes=64)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_legal_program_passes() -> None:
    verify_program(program(regions=[Region("x", 0, WORDS, 0, 2)]), after="test")


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        ([replace(LOAD, waits=(1, 0, 0, 0)), MATMUL], "instruction 0 must wait for at most 0 of load, not 1"),
        ([LOAD, replace(MATMUL, waits=(2, 0, 0, 0))], "instruction 1 must wait for at most 1 of load, not 2"),
        ([LOAD, MATMUL, replace(LANE, waits=(0, 0, 0, 1))], "instruction 2 must wait for at most 0 of store, not 1"),
        ([replace(LOAD, address=WORDS)], "instruction 0: address must lie in the activation buffer"),
        ([LOAD, replace(MATMUL, out=WORDS)], "instruction 1: out must lie in the activation buffer"),
        ([LOAD, replace(MATMUL, a=-2)], "instruction 1: a must lie in the activation buffer"),
        ([LOAD, replace(MATMUL, weight=1 << 14)], "instruction 1: weight must lie in the weight buffer"),
        ([replace(LOAD, buffer="weight", address=1 << 14)], "instruction 0: address must lie in the weight buffer"),
        (
            [LOAD, replace(MATMUL, moments=63, row_blocks=2)],
            "instruction 1: its row-blocks must have moments among 64",
        ),
        ([LOAD, MATMUL, replace(LANE, moments=64)], "instruction 2: its row-blocks must have moments among 64"),
        ([LOAD, MATMUL, replace(LANE, moments=-2)], "instruction 2: its row-blocks must have moments among 64"),
        ([replace(LOAD, dram=1)], "instruction 0: its bytes must lie in the 64 of the DRAM image"),
        ([replace(LOAD, rows=2)], "instruction 0: its bytes must lie in the 64 of the DRAM image"),
    ],
)
def test_a_broken_program_is_found(instructions: list[Any], message: str) -> None:
    with pytest.raises(VerifyError, match=f"^after test: {message}"):
        verify_program(program(instructions=instructions), after="test")


@pytest.mark.parametrize("region", [Region("x", WORDS - 1, 2, 0, 0), Region("x", -1, 2, 0, 0)])
def test_regions_lie_in_the_buffer(region: Region) -> None:
    with pytest.raises(VerifyError, match="the place of x must lie in the activation buffer"):
        verify_program(program(regions=[region]), after="test")


ROUTE = Route(layer="", logits=0, row_blocks=1, tokens=4, experts=2, k=1)
GATHER = Gather(layer="", a=0, out=0, channels=8, expert=1)


@pytest.mark.parametrize("groups", [(4, 4, 2), ()])
def test_tokens_are_routed_group_by_group(groups: tuple[int, ...]) -> None:
    routes = [replace(ROUTE, tokens=n) for n in groups or (10,)]
    made = program(instructions=[made for route in routes for made in (route, GATHER)], kernel_of=[0, 0] * len(routes))
    made.layers.append(Layer("block1.moe", "moe", 0, Routed(10, 2, 1, 0, 1, groups)))
    verify_program(made, after="test")
    made.instructions.append(routes[0])
    made.kernel_of.append(0)
    with pytest.raises(VerifyError, match=r"^after test: block1.moe must route groups of \[.*\] tokens, not \[.*\]$"):
        verify_program(made, after="test")


def test_no_expert_runs_before_the_routing() -> None:
    made = program(instructions=[GATHER, ROUTE], kernel_of=[0, 0])
    made.layers.append(Layer("block1.moe", "moe", 0, Routed(4, 2, 1, 0, 1)))
    with pytest.raises(VerifyError, match=r"^after test: block1.moe must route tokens before it runs experts$"):
        verify_program(made, after="test")
