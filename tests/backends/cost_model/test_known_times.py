"""Slots of times that are known: the accelerator's, for every Program that it can run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.account import layer_costs
from vitaccel.backends.cost_model.known_times import KnownTimes, slots_of, transfer_cycles
from vitaccel.backends.cost_model.replay import NOTHING, rows_of
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.program_cycles import program_cycles
from vitaccel.compiler import compile_graph, known_times, simulate
from vitaccel.frontend import ImportedModel
from vitaccel.ir.program import Engine, Load, MatMul, Program, Transfer

Imported = Callable[..., ImportedModel]
MODELS = ("vit-micro", "lookupvit-micro", "m3vit-micro", "vmoe-micro")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pe", ["4x4", "8x8"])
def test_a_prediction_has_the_cycles_of_the_accelerator(model: str, pe: str, imported: Imported) -> None:
    arch = Arch().with_pe(pe)
    program = compile_graph(imported(model).graph, arch).program
    queues = Routing().route_queues(program)
    run = program_cycles(assemble(program), arch.memory, latency_cycles=arch.memory.latency_cycles, queues=queues)
    prediction = simulate(imported(model), arch)
    assert prediction.cycles.elapsed == run.cycles == sum(layer.cycles.elapsed for layer in prediction.layers)
    assert [event.done for event in prediction.timeline] == list(run.dones)


@pytest.mark.parametrize("model", MODELS)
def test_an_engine_does_one_thing_at_a_time(model: str, imported: Imported) -> None:
    program = compile_graph(imported(model).graph, Arch()).program
    times, routing = known_times(program), Routing("worst")
    assert times is not None
    slots = slots_of(program, times(routing), routing)
    for engine in Engine:
        own = [(i, s) for i, s in zip(program.instructions, slots, strict=True) if i.engine == engine]
        assert all(one.start + one.occupied <= after.start for (_, one), (_, after) in pairwise(own))
        for instruction, slot in own:
            assert slot.occupied > 0
            assert slot.start + slot.occupied <= slot.done or engine in (Engine.COMPUTE, Engine.VECTOR)
            if isinstance(instruction, Transfer):
                assert slot.occupied <= transfer_cycles(instruction, program.arch)


def test_causes_are_what_is_waited_for_longest_or_the_program_itself() -> None:
    load = Load(layer="a", dram=0, buffer="weight", address=0, row_bytes=64, stride_bytes=64)
    matmul = MatMul(layer="a", a=0, weight=0, out=0, row_blocks=1, tokens=8, k=8, n=8, n_tiles=1, waits=(1, 0, 0, 0))
    program = Program("p", Arch(), [load, matmul, matmul, matmul.waiting((0, 1, 0, 0))], [0] * 4)
    times = KnownTimes(starts=(80, 120, 136, 168), free=(88, 136, 160, 192), dones=(112, 164, 188, 220), cycles=223)
    assert [(s.cause, s.blocker) for s in slots_of(program, times, Routing())] == [
        (Engine.LOAD, NOTHING),
        (Engine.LOAD, 0),
        (NOTHING, NOTHING),
        (Engine.COMPUTE, 1),
    ]


def test_the_run_ends_a_little_behind_its_last_instruction(imported: Imported) -> None:
    program = compile_graph(imported("vit-micro").graph, Arch()).program
    tell = known_times(program)
    assert tell is not None
    times = tell(Routing())
    slots = slots_of(program, times, Routing())
    ends = [sum(layer.cycles.elapsed for layer in layer_costs(program, slots, Routing(), end)) for end in (None, 10**6)]
    assert ends == [max(times.dones), 10**6]
    assert times.cycles == max(times.dones) + 3


@pytest.mark.parametrize(
    "settings",
    [{"array.count": "9", "array.side": "4"}, {"numerics.weight_bits": "4"}, {"numerics.numerator_bits": "16"}],
    ids=["arrays", "weights", "numerators"],
)
def test_other_machines_are_estimated(settings: dict[str, str], imported: Imported) -> None:
    assert known_times(compile_graph(imported("vit-micro").graph, Arch().with_settings(settings)).program) is None


@pytest.mark.parametrize("kind", ["uniform", "worst"])
def test_cycles_follow_the_routing(kind: str, imported: Imported) -> None:
    """Whatever was asked for, both assumptions are told; those with an empty queue are not busy with it."""
    program = compile_graph(imported("m3vit-micro").graph, Arch()).program
    times, routing = known_times(program), Routing(kind)
    assert times is not None
    prediction = simulate(imported("m3vit-micro"), Arch(), routing=kind)
    assert prediction.cycles.elapsed == prediction.cycles_by_routing[kind] == times(routing).cycles
    assert prediction.cycles_by_routing["uniform"] != prediction.cycles_by_routing["worst"]
    rows = [slot.rows for slot in slots_of(program, times(routing), routing)]
    assert rows == rows_of(program, routing)
    assert (0 in rows) == (kind == "worst")


def test_a_slow_memory_takes_longer_and_the_energy_of_what_is_done_stays(imported: Imported) -> None:
    fast = simulate(imported("vit-micro"), Arch())
    slow = simulate(imported("vit-micro"), Arch().with_settings({"memory.peak_bytes_per_s": "2e8"}))
    assert slow.cycles.elapsed > fast.cycles.elapsed
    assert slow.actions == fast.actions


def test_actions_are_those_of_an_estimate(imported: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are not energy: what is read, multiplied and written is the same."""
    known = simulate(imported("vit-micro"), Arch())
    monkeypatch.setattr("vitaccel.compiler.known_times", lambda _: None)
    estimated = simulate(imported("vit-micro"), Arch())
    assert (known.actions, known.traffic) == (estimated.actions, estimated.traffic)
    assert known.cycles.elapsed > estimated.cycles.elapsed
