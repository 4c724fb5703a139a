"""Where every cycle, byte and joule went: the accounts balance, and each entry is counted again here."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, replace
from math import ceil, prod

import pytest
from hypothesis import given

from tests.backends.cost_model.programs import RANDOM, random_program, random_routing
from vitaccel.arch import Arch
from vitaccel.backends.cost_model import pipelines
from vitaccel.backends.cost_model.account import layer_costs
from vitaccel.backends.cost_model.replay import Slot, elapsed, replay
from vitaccel.backends.cost_model.result import Actions, Busy, Cycles, LayerCost, Traffic
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.compiler import compile_graph
from vitaccel.errors import CapacityError
from vitaccel.frontend import ImportedModel
from vitaccel.ir.program import Engine, Instruction, Lane, Layer, Load, MatMul, Program, Store

MODELS = ("vit-micro", "lookupvit-micro", "m3vit-micro", "vmoe-micro", "hybrid-micro")
MACHINES = {
    "default": Arch(),
    "four by four": Arch().with_pe("16"),
    "three arrays, slow memory": Arch().with_pe("3x8x8").with_settings({"memory.peak_bytes_per_s": "2e8"}),
    "small buffers": Arch().with_settings({"buffers.activation_bytes": "24576", "buffers.weight_bytes": "8192"}),
    "longest first": Arch().with_settings({"moe.order": "longest", "memory.latency_cycles": "300"}),
}


def timed(program: Program, routing: Routing) -> tuple[list[Slot], tuple[LayerCost, ...]]:
    slots = replay(program, routing)
    return slots, layer_costs(program, slots, routing)


# -- cycles --------------------------------------------------------------------------------------------------------
def cycles_one_by_one(program: Program, slots: list[Slot]) -> list[Counter[str]]:
    """Charge every single cycle to a layer and a cause: look at what the array does in it, or waits for."""
    cycles: list[Counter[str]] = [Counter() for _ in program.layers]
    compute = [at for at, i in enumerate(program.instructions) if i.engine is Engine.COMPUTE]
    words = {Engine.LOAD: "load", Engine.COMPUTE: "drain", Engine.VECTOR: "vector", Engine.STORE: "store"}
    array = {at for at in compute if slots[at].occupied}
    running = {cycle: at for at in array for cycle in range(slots[at].start, slots[at].start + slots[at].occupied)}
    for cycle in range(elapsed(slots)):
        following = [at for at in compute if slots[at].start > cycle]
        if cycle in running:
            charged, part = running[cycle], "array"
        elif following:
            waiting = slots[following[0]]
            part = words[Engine(waiting.cause)]
            charged = waiting.blocker if part in ("vector", "store") else following[0]
        elif compute and cycle < slots[compute[-1]].done:
            charged, part = compute[-1], "drain"
        else:
            charged = next(at for at in range(len(slots)) if slots[at].done == elapsed(slots))
            part = words[program.instructions[charged].engine]
        cycles[program.kernel_of[charged]][part] += 1
    return cycles


@given(RANDOM)
def test_every_cycle_is_charged_once_and_to_what_the_array_waits_for(rng: random.Random) -> None:
    program = random_program(rng)
    slots, costs = timed(program, random_routing(rng, program))
    assert [cost.cycles for cost in costs] == [Cycles(**parts) for parts in cycles_one_by_one(program, slots)]
    assert sum(cost.cycles.elapsed for cost in costs) == elapsed(slots)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("model", "kind"), [*((m, "uniform") for m in MODELS), ("m3vit-micro", "worst"), ("vmoe-micro", "worst")]
)
def test_the_layers_of_a_model_sum_to_the_network(
    model: str, machine: str, kind: str, imported: Callable[..., ImportedModel]
) -> None:
    try:
        _, _, program = compile_graph(imported(model).graph, MACHINES[machine])
    except CapacityError:
        assert machine == "small buffers", "the others hold every micro model"
        return
    slots, costs = timed(program, Routing(kind))
    assert [(cost.name, cost.op) for cost in costs] == [(layer.label, layer.op) for layer in program.layers]
    assert sum(cost.cycles.elapsed for cost in costs) == elapsed(slots) > 0
    assert min(min(astuple(cost.cycles)) for cost in costs) >= 0
    if not any(layer.routed for layer in program.layers):
        assert sum(cost.actions.macs for cost in costs) == imported(model).graph.total_macs
    array = program.arch.array
    for cost in costs:
        assert cost.actions.mac_slots == cost.cycles.array * array.pes
        # Only depthwise convolutions multiply in the lanes.
        assert cost.actions.macs <= cost.actions.multiplications <= cost.actions.mac_slots or cost.op == "conv2d"


# -- what was done -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("model", "shared"), [("vit-micro", False), ("lookupvit-micro", True)])
def test_moments_save_reads_and_sums_that_are_shared(
    model: str, shared: bool, imported: Callable[..., ImportedModel]
) -> None:
    """A LayerNorm whose moments are kept reads its rows once less; they are summed up all the same, if only once."""
    done = []
    for moment_blocks in ("64", "0"):
        arch = Arch().with_settings({"buffers.moment_blocks": moment_blocks})
        _, costs = timed(compile_graph(imported(model).graph, arch)[2], Routing())
        done.append(Actions.total([cost.actions for cost in costs]))
    once, twice = done
    assert once.lane_operations <= twice.lane_operations
    assert (once.lane_operations < twice.lane_operations) == shared
    assert once.activation_bytes < twice.activation_bytes


def count_actions(instruction: Instruction, slot: Slot, arch: Arch) -> Actions:
    """Every access to every buffer of one instruction, from what the hardware does and not from the formulas."""
    side, arrays = arch.array.side, arch.array.count
    f = vars(instruction)
    if isinstance(instruction, Load | Store):
        moved = f["rows"] * f["row_bytes"]
        return Actions(weight_bytes=moved) if f["buffer"] == "weight" else Actions(activation_bytes=moved)
    if instruction.mnemonic == "matmul":
        rows = ceil(slot.rows / side) * side if slot.rows >= 0 else f["row_blocks"] * side
        elements = rows * f["n_tiles"] * side
        a = Actions(mac_slots=arch.array.pes, activation_bytes=side)  # a cycle: a word of A for all arrays
        b = Actions(weight_bytes=side * arrays) if f["weight"] >= 0 else Actions(activation_bytes=side * arrays)
        residual = Actions(activation_bytes=2 * elements if f["residual"] >= 0 else 0)  # int16
        written = Actions(lane_operations=elements, activation_bytes=elements * f["out_bytes"])
        summed = Actions(lane_operations=rows * f["n"] if f["moments"] >= 0 else 0)
        return Actions.total([*[a + b] * slot.occupied, residual, written, summed])
    if instruction.mnemonic == "attention":
        logits = f["frames"] * f["heads"] * f["queries"] * f["keys"]
        tokens = f["queries"] if f["mode"] == "none" else f["keys"]
        results = f["frames"] * f["heads"] * tokens * f["value_dim"]
        both = Actions(mac_slots=arch.array.pes, activation_bytes=2 * side * arrays)  # each array has its own head
        fresh = f["mode"] == "none"
        statistics = Actions(lane_operations=logits, logit_bytes=2 * logits if fresh else 0)
        kept = Actions(activation_bytes=2 * logits if f["logits"] >= 0 else 0)
        numerators = Actions(lane_operations=logits, logit_bytes=2 * logits if fresh else 0)
        digits = [numerators if fresh else numerators + kept] * ceil(arch.numerics.numerator_bits / 8)
        written = [kept] if fresh else []
        drained = Actions(lane_operations=results, activation_bytes=results)
        return Actions.total([*[both] * slot.occupied, statistics, *digits, *written, drained])
    if instruction.mnemonic == "lane":
        elements = f["row_blocks"] * side * f["channels"]
        read = Actions(lane_operations=elements, activation_bytes=elements * f["element_bytes"])
        return Actions.total([read] * f["passes"]) + Actions(activation_bytes=elements * f["out_bytes"])
    if instruction.mnemonic == "route":
        logits = f["row_blocks"] * side * f["experts"]
        return Actions.total([Actions(lane_operations=logits, activation_bytes=2 * logits)] * 2)
    elements = slot.rows * f["channels"]
    # Gather reads and writes a byte; scatter-add reads an int16 result and an int16 sum, and writes the sum.
    return Actions(0, 0, 0, elements, elements * (2 if instruction.mnemonic == "gather" else 2 + 2 + 2))


@given(RANDOM)
def test_busy_traffic_and_actions_are_sums_over_the_instructions(rng: random.Random) -> None:
    program = random_program(rng)
    routing = random_routing(rng, program)
    slots, costs = timed(program, routing)
    for kernel, (layer, cost) in enumerate(zip(program.layers, costs, strict=True)):
        busy, traffic, actions = Busy(), Traffic(), Actions()
        for instruction, slot, own in zip(program.instructions, slots, program.kernel_of, strict=True):
            if own != kernel or slot.rows == 0:  # nothing is moved, clocked or counted for an empty expert
                continue
            busy += Busy(**{instruction.engine.name.lower(): slot.occupied})
            actions += count_actions(instruction, slot, program.arch)
            if isinstance(instruction, Load | Store):
                traffic += Traffic(**{instruction.traffic: instruction.rows * instruction.row_bytes})
        macs, multiplications = layer.macs, layer.multiplications
        if layer.routed:
            macs = multiplications = sum(n * layer.routed.macs_per_row for n in routing.queue_lengths(layer))
        counted = replace(actions, macs=macs, multiplications=multiplications)
        assert (cost.busy, cost.traffic, cost.actions) == (busy, traffic, counted)


# -- energy --------------------------------------------------------------------------------------------------------
@given(RANDOM)
def test_energy_is_counted_actions_times_the_table(rng: random.Random) -> None:
    program = random_program(rng)
    _, costs = timed(program, random_routing(rng, program))
    table = program.arch.energy
    for cost in costs:
        done, parts = cost.actions, cost.energy
        assert parts.mac_pj == done.multiplications * table.mac_pj
        assert parts.lane_pj == done.lane_operations * table.lane_pj
        assert parts.dram_pj == sum(astuple(cost.traffic)) * table.dram_pj_per_byte
        buffers = done.activation_bytes + done.weight_bytes + done.logit_bytes
        assert parts.sram_pj == buffers * table.sram_pj_per_byte
        seconds = sum(astuple(cost.cycles)) / program.arch.frequency_hz
        assert parts.static_pj == pytest.approx(table.static_w * seconds * 1e12, rel=1e-12)


def test_padded_macs_are_clocked_and_not_charged() -> None:
    """9 tokens and 3 channels on an array of 8x8: two row-blocks of one tile, 27 results of 128."""
    product = MatMul(layer="a", a=0, weight=0, out=0, row_blocks=2, tokens=9, k=20, n=3, n_tiles=1)
    program = Program("p", Arch(), [product], [0], [Layer("a", "linear", 9 * 3 * 20, multiplications=9 * 3 * 20)])
    _, (cost,) = timed(program, Routing())
    assert cost.actions.mac_slots == 2 * 20 * 64
    assert cost.actions.macs == 540
    assert cost.energy.mac_pj == 540 * program.arch.energy.mac_pj


def costs_of(model: ImportedModel, **numerics: int) -> list[LayerCost]:
    settings = {f"numerics.{key}": str(value) for key, value in numerics.items()}
    program = compile_graph(model.graph, Arch().with_settings(settings))[-1]
    return list(timed(program, Routing())[1])


@pytest.mark.parametrize("model", MODELS)
def test_the_arrays_multiply_what_counts_as_macs_and_constants_beside_it(
    model: str, imported: Callable[..., ImportedModel]
) -> None:
    found = set()
    for cost in costs_of(imported(model)):
        beside = cost.actions.multiplications - cost.actions.macs
        assert cost.energy.mac_pj == pytest.approx(cost.actions.multiplications * Arch().energy.mac_pj)
        if beside:
            found.add(cost.op)
        if beside < 0:
            assert cost.actions.mac_slots == 0, "a depthwise convolution, which multiplies in the lanes"
    constants = {"lookupvit-micro": {"token_mix", "mean"}, "hybrid-micro": {"conv2d", "mean"}}
    assert found == constants.get(model, set())


def test_a_resampling_of_tokens_multiplies_every_token_by_every_weight(imported: Callable[..., ImportedModel]) -> None:
    graph = imported("lookupvit-micro").graph
    mixed = [node for node in graph.nodes.values() if node.op.name == "token_mix"]
    expected = [prod(node.type.static_shape) * graph[node.inputs[1]].type.static_shape[1] for node in mixed]
    costs = [cost for cost in costs_of(imported("lookupvit-micro")) if cost.op == "token_mix"]
    assert expected
    assert [(cost.actions.macs, cost.actions.multiplications) for cost in costs] == [(0, many) for many in expected]


@pytest.mark.parametrize("model", ["vit-micro", "lookupvit-micro"])
def test_wide_numerators_multiply_the_values_once_more(model: str, imported: Callable[..., ImportedModel]) -> None:
    model_ = imported(model)
    narrow, wide = costs_of(model_), costs_of(model_, numerator_bits=16)
    # Twelve bits are rounded, a stage more than sixteen: the same work.
    twelve = costs_of(model_, numerator_bits=12)
    assert [(c.name, c.op, c.actions, c.traffic) for c in twelve] == [
        (c.name, c.op, c.actions, c.traffic) for c in wide
    ]
    assert [c.cycles.array for c in twelve] == [c.cycles.array for c in wide]
    for before, after in zip(narrow, wide, strict=True):
        assert before.actions.macs == after.actions.macs
        more = after.actions.multiplications - before.actions.multiplications
        if not before.op.startswith("attention"):
            assert more == 0
        elif before.actions.logit_bytes:  # Q.K and A.V of heads of one width: half the MACs are A.V
            assert more == before.actions.macs // 2 > 0
        else:
            assert more == before.actions.macs > 0
        # One more pass over the logits: two bytes and one numerator each.
        read = after.actions.logit_bytes - before.actions.logit_bytes
        assert read == before.actions.logit_bytes // 2
        assert before.op != "attention" or after.actions.lane_operations - before.actions.lane_operations == read // 2
        assert after.energy.mac_pj == pytest.approx(before.energy.mac_pj + more * Arch().energy.mac_pj)


def test_waits_by_hand() -> None:
    """A load, the matmul that waits for it, lanes, a matmul that waits for them, a store at the end."""
    arch = Arch()
    loaded, stored = (pipelines.transfer_result(arch, writes=writes) for writes in (False, True))
    streamed = pipelines.lane_result(arch, "norm")
    moved = {"dram": 0, "buffer": "weight", "address": 0, "row_bytes": 1600}
    tile = {"a": 0, "out": 0, "row_blocks": 1, "tokens": 8, "k": 100, "n": 8, "n_tiles": 1}
    instructions = [
        Load(layer="fc1", **moved),
        MatMul(layer="fc1", waits=(1, 0, 0, 0), **tile),
        Lane(layer="norm", function="norm", a=0, out=0, row_blocks=1, tokens=8, channels=30, waits=(0, 1, 0, 0)),
        MatMul(layer="fc2", waits=(0, 0, 1, 0), **tile),
        Store(layer="fc2", waits=(0, 2, 0, 0), **{**moved, "buffer": "activation", "row_bytes": 160}),
    ]
    layers = [Layer(name, "linear", 0) for name in ("fc1", "norm", "fc2")]
    _, costs = timed(Program("p", arch, instructions, [0, 0, 1, 2, 2], layers), Routing())
    drain = pipelines.matmul_result(arch)
    assert [cost.cycles for cost in costs] == [
        Cycles(array=100, load=100 + loaded),
        # The array sees the first matmul's drain as a part of what the lanes take.
        Cycles(vector=drain + 30 + streamed),
        Cycles(array=100, drain=drain, store=10 + stored),
    ]
