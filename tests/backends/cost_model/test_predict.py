"""A whole prediction: timeline, occupancy, experts and facts belong to the Program that was replayed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given

from tests.backends.cost_model.programs import RANDOM, random_program, random_routing
from vitaccel.arch import Arch
from vitaccel.backends.cost_model.predict import ModelFacts, predict
from vitaccel.backends.cost_model.replay import elapsed, replay
from vitaccel.backends.cost_model.result import Event, ExpertLoad
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.compiler import compile_graph
from vitaccel.frontend import ImportedModel
from vitaccel.ir.program import Lane, Layer, Program, Region, Store

FACTS = ModelFacts({"image": (2, 3, 20, 28)}, params=11, macs_dense=22, macs_exported=33)
MODELS = ("vit-micro", "lookupvit-micro", "m3vit-micro", "vmoe-micro", "hybrid-micro")
MACHINES = (
    Arch(),
    Arch().with_pe("3x5x5"),
    Arch().with_settings({"buffers.activation_bytes": "40000", "memory.peak_bytes_per_s": "3e8"}),
)

Imported = Callable[..., ImportedModel]


@given(RANDOM)
def test_the_timeline_is_the_replay(rng: random.Random) -> None:
    program = random_program(rng)
    routing = random_routing(rng, program)
    prediction = predict(program, FACTS, routing)
    assert prediction.instructions == len(prediction.timeline) == len(program.instructions)
    for event, instruction, slot in zip(
        prediction.timeline, program.instructions, replay(program, routing), strict=True
    ):
        engine = type(instruction).engine.name.lower()
        assert event == Event(engine, instruction.mnemonic, instruction.layer, slot.start, slot.occupied, slot.done)
    assert prediction.cycles.elapsed == max(event.done for event in prediction.timeline)


@given(RANDOM)
def test_occupancy_is_what_touched_places_hold_cycle_by_cycle(rng: random.Random) -> None:
    program = random_program(rng)
    prediction = predict(program, FACTS)
    slots, unit = replay(program, Routing()), program.arch.array.side * program.arch.array.count
    steps = {point.cycle: point.used_bytes for point in prediction.occupancy}
    assert list(steps) == sorted(steps)
    assert len(steps) == len(prediction.occupancy)
    used = 0
    for cycle in range(elapsed(slots) + 1):
        held = 0
        for region in program.regions:
            touching = [slots[at] for at in {region.first, region.last, *region.touched}]
            begun = any(slot.start <= cycle for slot in touching)
            if begun and any(cycle < slot.start + slot.occupied for slot in touching):
                held += region.words * unit
        used = steps.get(cycle, used)
        assert used == held


def test_a_place_is_held_until_the_last_instruction_in_time() -> None:
    """The store stands before the lanes in the program, and takes longer."""
    lane = {"layer": "a", "function": "add", "a": 0, "out": 0, "row_blocks": 1, "tokens": 8, "channels": 8}
    stored = {"layer": "a", "dram": 0, "buffer": "activation", "address": 0, "row_bytes": 16000}
    program = Program("p", Arch(), [Store(**stored), Lane(**lane)], [0, 0], [Layer("a", "add", 0)])
    program.regions.append(Region("x", 0, 4, 0, 1, (0, 0, 1, 1)))
    store, lanes = replay(program, Routing())
    assert store.occupied > lanes.occupied
    assert [point.cycle for point in predict(program, FACTS).occupancy] == [0, store.occupied]


@pytest.mark.parametrize("arch", MACHINES, ids=["default", "3x5x5", "spills"])
@pytest.mark.parametrize("model", MODELS)
def test_a_model_never_holds_more_than_the_buffer_and_nothing_at_the_end(
    model: str, arch: Arch, imported: Imported
) -> None:
    _, _, program = compile_graph(imported(model).graph, arch)
    prediction = predict(program, FACTS)
    used = [point.used_bytes for point in prediction.occupancy]
    assert 0 < max(used) <= arch.buffers.activation_bytes
    assert min(used) >= 0
    assert used[-1] == 0
    assert prediction.occupancy[-1].cycle <= prediction.cycles.elapsed


@pytest.fixture
def moe(imported: Imported) -> Program:
    return compile_graph(imported("m3vit-micro").graph, Arch()).program


def test_facts_are_passed_on(moe: Program) -> None:
    prediction = predict(moe, FACTS)
    assert prediction.model == moe.name
    assert prediction.arch == moe.arch
    assert prediction.input_shapes == {"image": (2, 3, 20, 28)}
    assert (prediction.params, prediction.macs_dense, prediction.macs_exported) == (11, 22, 33)
    assert prediction.exceeded == ()


def test_limits_that_are_broken_are_told(moe: Program) -> None:
    arch = moe.arch.with_settings({"limits.multipliers": "63", "limits.memory_bits": "8"})
    sentences = predict(replace(moe, arch=arch), FACTS).exceeded
    assert len(sentences) == 2
    assert "64 multipliers of the 63" in sentences[0]


def test_experts_and_their_loads(moe: Program) -> None:
    routed = [layer for layer in moe.layers if layer.routed]
    assert routed
    for routing in (None, Routing(), Routing("worst")):
        prediction = predict(moe, FACTS, routing)
        assumed = routing or Routing()
        assert prediction.routing == assumed.kind
        assert prediction.experts == tuple(ExpertLoad(la.label, assumed.queue_lengths(la)) for la in routed)
    queues = {load.layer: load.tokens[::-1] for load in predict(moe, FACTS, Routing("worst")).experts}
    other = predict(moe, FACTS, Routing("trace", queues, "t.json"))
    assert other.routing == "trace t.json"
    assert {load.layer: load.tokens for load in other.experts} == queues
    assert other.actions.macs == predict(moe, FACTS).actions.macs


def test_experts_that_drop_tokens_multiply_less(imported: Imported) -> None:
    program = compile_graph(imported("vmoe-micro").graph, Arch())[-1]
    full = {la.label: (la.routed.capacity, *[0] * (la.routed.experts - 1)) for la in program.layers if la.routed}
    dropped = predict(program, FACTS, Routing("trace", full, "t.json"))
    assert {load.layer: load.tokens for load in dropped.experts} == full
    assert dropped.actions.macs < predict(program, FACTS).actions.macs


def test_cycles_by_routing_are_those_of_each_assumption_whatever_was_asked_for(moe: Program) -> None:
    each = {kind: predict(moe, FACTS, Routing(kind)).cycles.elapsed for kind in ("uniform", "worst")}
    assert each["uniform"] != each["worst"]
    for kind in ("uniform", "worst"):
        assert predict(moe, FACTS, Routing(kind)).cycles_by_routing == each


def test_a_model_without_experts_has_no_routing(imported: Imported) -> None:
    _, _, program = compile_graph(imported("vit-micro").graph, Arch())
    prediction = predict(program, FACTS, Routing("worst"))
    assert (prediction.routing, prediction.experts, prediction.cycles_by_routing) == ("", (), {})
    assert prediction == predict(program, FACTS)


@pytest.mark.parametrize("model", ["lookupvit-micro", "m3vit-micro"])
def test_predicting_twice_gives_the_same(model: str, imported: Imported) -> None:
    first, second = (predict(compile_graph(imported(model).graph, MACHINES[1]).program, FACTS) for _ in range(2))
    assert first == second
