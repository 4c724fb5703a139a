"""What the compute engine waits for: with what it does, the whole run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.replay import NOTHING, Slot, elapsed, replay
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.waits import Wait, waits
from vitaccel.compiler import compile_graph
from vitaccel.frontend import ImportedModel
from vitaccel.ir.program import Engine, Lane, Load, MatMul, Program, Store

LOAD = Load(layer="a", dram=0, buffer="weight", address=0, row_bytes=64, stride_bytes=64)
MATMUL = MatMul(layer="a", a=0, weight=0, out=0, row_blocks=1, tokens=8, k=8, n=8, n_tiles=1)
LANE = Lane(layer="b", function="layernorm", a=0, out=0, row_blocks=1, tokens=8, channels=8)
STORE = Store(layer="c", dram=0, buffer="activation", address=0, row_bytes=64, stride_bytes=64)


def test_waits_belong_to_who_waits_or_is_waited_for() -> None:
    program = Program("p", Arch(), [LOAD, MATMUL, LANE, MATMUL, MATMUL, STORE], [0, 0, 1, 2, 2, 3])
    slots = [
        Slot(0, 30, 40, NOTHING, NOTHING, NOTHING),
        Slot(40, 10, 60, Engine.LOAD, 0, NOTHING),
        Slot(60, 10, 75, Engine.COMPUTE, 1, NOTHING),
        Slot(75, 10, 90, Engine.VECTOR, 2, NOTHING),
        Slot(97, 10, 120, Engine.LOAD, NOTHING, NOTHING),
        Slot(120, 10, 150, Engine.COMPUTE, 4, NOTHING),
    ]
    assert list(waits(program, slots, 153)) == [
        Wait(0, Engine.LOAD, 0, 0, 40),
        Wait(1, Engine.VECTOR, 2, 50, 25),
        Wait(2, Engine.LOAD, NOTHING, 85, 12),
        Wait(2, Engine.COMPUTE, 4, 107, 13),
        Wait(3, Engine.STORE, 5, 120, 33),
    ]


@pytest.mark.parametrize("model", ["vit-micro", "m3vit-micro"])
def test_what_the_engine_does_and_its_waits_are_the_whole_run(
    model: str, imported: Callable[..., ImportedModel]
) -> None:
    program = compile_graph(imported(model).graph, Arch()).program
    slots = replay(program, Routing())
    end = elapsed(slots) + 3
    busy = sum(slot.occupied for i, slot in zip(program.instructions, slots, strict=True) if i.engine == Engine.COMPUTE)
    assert busy + sum(wait.cycles for wait in waits(program, slots, end)) == end


def test_a_program_without_matmuls_waits_for_what_is_done_last() -> None:
    program = Program("p", Arch(), [replace(LANE)], [0])
    assert list(waits(program, [Slot(0, 10, 25, NOTHING, NOTHING, NOTHING)], 25)) == [Wait(0, Engine.VECTOR, 0, 0, 25)]
