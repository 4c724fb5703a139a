"""Why the compute engine waits, followed back: lanes that waited for a load, a load that waited for a store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.reasons import predecessors, reasons
from vitaccel.backends.cost_model.replay import NOTHING, Slot
from vitaccel.backends.cost_model.waits import waits
from vitaccel.ir.program import Engine, Instruction, Lane, Load, MatMul, Program, Route, Store

LOAD = Load(layer="a", dram=0, buffer="activation", address=0, row_bytes=64, stride_bytes=64)
MATMUL = MatMul(layer="a", a=0, weight=0, out=0, row_blocks=1, tokens=8, k=8, n=8, n_tiles=1)
LANE = Lane(layer="a", function="layernorm", a=0, out=0, row_blocks=1, tokens=8, channels=8)
STORE = Store(layer="a", dram=0, buffer="activation", address=0, row_bytes=64, stride_bytes=64)


def told(instructions: list[Instruction], slots: list[Slot], end: int) -> list[tuple[str, int]]:
    program = Program("p", Arch(), instructions, [0] * len(slots))
    before = predecessors(program, slots)
    return [part for wait in waits(program, slots, end) for part in reasons(program, slots, before, wait)]


def test_a_wait_is_followed_back_to_where_it_began() -> None:
    """The matmul waits for lanes from 12 on; they began at 70, when a load was done, and that when a store was."""
    slots = [
        Slot(0, 10, 30, NOTHING, NOTHING, NOTHING),
        Slot(30, 10, 40, Engine.COMPUTE, 0, NOTHING),
        Slot(40, 30, 70, Engine.STORE, 1, NOTHING),
        Slot(70, 10, 90, Engine.LOAD, 2, NOTHING),
        Slot(90, 10, 100, Engine.VECTOR, 3, NOTHING),
    ]
    found = told([MATMUL, STORE, LOAD, LANE, MATMUL], slots, 100)
    assert found == [("layernorm", 20), ("load", 30), ("store", 10), ("drain", 20)]
    assert sum(cycles for _, cycles in found) == 90 - 10


def test_a_transfer_behind_another_has_waited_for_it() -> None:
    """Whatever the second load waited for, it has the bus when the first is done; that waited for the program."""
    slots = [
        Slot(20, 30, 50, Engine.LOAD, NOTHING, NOTHING),
        Slot(50, 30, 80, Engine.LOAD, NOTHING, NOTHING),
        Slot(80, 10, 90, Engine.LOAD, 1, NOTHING),
    ]
    assert told([LOAD, LOAD, MATMUL], slots, 90) == [("load", 30), ("load", 30), ("program", 20)]


@pytest.mark.parametrize(
    ("blocker", "reason"),
    [
        (LANE, "layernorm"),
        (replace(LANE, function="add"), "lanes"),
        (Route(layer="a", logits=0, row_blocks=1, tokens=8, experts=2, k=1), "experts"),
        (LOAD, "load"),
        (STORE, "store"),
        (MATMUL, "drain"),
    ],
)
def test_every_kind_has_its_reason(blocker: Instruction, reason: str) -> None:
    slots = [Slot(0, 0, 50, NOTHING, NOTHING, NOTHING), Slot(50, 8, 58, blocker.engine, 0, NOTHING)]
    assert told([blocker, MATMUL], slots, 58) == [(reason, 50)]
