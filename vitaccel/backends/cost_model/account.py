"""From timed instructions to layers: where every cycle went, what was moved and clocked, and what it costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from vitaccel.arch import Arch, Energy
from vitaccel.backends.cost_model.attribution import mac_slots
from vitaccel.backends.cost_model.replay import Slot, elapsed
from vitaccel.backends.cost_model.result import Actions, Busy, Cycles, EnergyParts, LayerCost, Traffic
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.timing import timing
from vitaccel.backends.cost_model.waits import waits
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.program import (
    Attention,
    Engine,
    Gather,
    Instruction,
    Lane,
    Layer,
    MatMul,
    Program,
    Route,
    ScatterAdd,
    Transfer,
)

ENGINE_NAMES = {engine: engine.name.lower() for engine in Engine}
CAUSES = {Engine.LOAD: "load", Engine.COMPUTE: "drain", Engine.VECTOR: "vector", Engine.STORE: "store"}


def layer_costs(program: Program, slots: list[Slot], routing: Routing, end: int | None = None) -> tuple[LayerCost, ...]:
    """Costs of the layers in program order; their cycles sum to the elapsed cycles, to *end* if it is given."""
    end = elapsed(slots) if end is None else end
    cycles = _cycles(program, slots, end)
    busy: list[Counter[str]] = [Counter() for _ in program.layers]
    traffic: list[Counter[str]] = [Counter() for _ in program.layers]
    actions: list[list[Actions]] = [[] for _ in program.layers]
    for instruction, slot, kernel in zip(program.instructions, slots, program.kernel_of, strict=True):
        if slot.rows == 0:
            continue
        busy[kernel][ENGINE_NAMES[instruction.engine]] += slot.occupied
        if isinstance(instruction, Transfer):
            traffic[kernel][instruction.traffic] += instruction.total_bytes
        actions[kernel].append(_actions(instruction, slot, program.arch))
    counts = [_macs(layer, routing) for layer in program.layers]
    spent = mac_slots(program, slots, end, counts)
    costs = []
    for at, (layer, (macs, multiplications)) in enumerate(zip(program.layers, counts, strict=True)):
        counted = replace(Actions.total(actions[at]), macs=macs, multiplications=multiplications)
        moved = Traffic(**traffic[at])
        energy = _energy(counted, moved, cycles[at], program.arch)
        costs.append(LayerCost(layer.label, layer.op, cycles[at], Busy(**busy[at]), moved, counted, energy, spent[at]))
    return tuple(costs)


def _macs(layer: Layer, routing: Routing) -> tuple[int, int]:
    """Return the MACs of a layer and its multiplications."""
    if not layer.routed:
        return layer.macs, layer.multiplications
    macs = sum(routing.queue_lengths(layer)) * layer.routed.macs_per_row
    return macs, macs


def _cycles(program: Program, slots: list[Slot], end: int) -> list[Cycles]:
    """Split the elapsed time along the compute engine: busy to its layer, idle to the layer and engine waited for."""
    cycles: list[Counter[str]] = [Counter() for _ in program.layers]
    for instruction, slot, layer in zip(program.instructions, slots, program.kernel_of, strict=True):
        if instruction.engine is Engine.COMPUTE:
            cycles[layer]["array"] += slot.occupied
    for wait in waits(program, slots, end):
        cycles[wait.layer][CAUSES[wait.cause]] += wait.cycles
    return [Cycles(**parts) for parts in cycles]


def _actions(instruction: Instruction, slot: Slot, arch: Arch) -> Actions:
    """Counted actions of one instruction."""
    side = arch.array.side
    if isinstance(instruction, Transfer):
        key = "activation_bytes" if instruction.buffer == "activation" else "weight_bytes"
        return Actions(**{key: instruction.total_bytes})
    if isinstance(instruction, MatMul):
        return _matmul_actions(instruction, slot, arch)
    if isinstance(instruction, Attention):
        return _attention_actions(instruction, slot, arch)
    if isinstance(instruction, Lane):
        elements = instruction.row_blocks * side * instruction.channels * instruction.passes
        moved = elements * instruction.element_bytes + elements // instruction.passes * instruction.out_bytes
        return Actions(lane_operations=elements, activation_bytes=moved)
    if isinstance(instruction, Route):
        elements = instruction.row_blocks * side * instruction.experts * 2
        return Actions(lane_operations=elements, activation_bytes=2 * elements)
    assert isinstance(instruction, Gather | ScatterAdd)
    elements = slot.rows * instruction.channels
    if isinstance(instruction, Gather):
        return Actions(lane_operations=elements, activation_bytes=2 * elements)
    return Actions(lane_operations=elements, activation_bytes=6 * elements)


def _streamed(instruction: MatMul | Attention, slot: Slot, arch: Arch) -> int:
    """Cycles in which operands stream; the frames of the accelerator have others, too."""
    return min(slot.occupied, timing(instruction, arch, None if slot.rows < 0 else slot.rows).occupied)


def _matmul_actions(instruction: MatMul, slot: Slot, arch: Arch) -> Actions:
    """Slots clocked; a word of A a cycle, a word of B an array and cycle; results (and residuals) once.

    Where moments are taken as results drain, each is summed up in its lane: what a LayerNorm's own pass would do.
    """
    side, count = arch.array.side, arch.array.count
    blocks = instruction.row_blocks if slot.rows < 0 else ceil_div(slot.rows, side)
    results = blocks * side * instruction.n_tiles * side
    residual = 2 * results if instruction.residual >= 0 else 0
    summed = blocks * side * instruction.n if instruction.moments >= 0 else 0
    streamed = _streamed(instruction, slot, arch)
    b_bytes = streamed * side * count
    from_weights = instruction.weight >= 0
    return Actions(
        mac_slots=streamed * side * side * count,
        lane_operations=results + summed,
        activation_bytes=streamed * side
        + results * instruction.out_bytes
        + residual
        + (0 if from_weights else b_bytes),
        weight_bytes=b_bytes if from_weights else 0,
    )


def _attention_actions(instruction: Attention, slot: Slot, arch: Arch) -> Actions:
    """Operands as for a matmul; every logit is written once and read in every pass of A.V, two bytes each."""
    side, count, passes = arch.array.side, arch.array.count, arch.numerics.numerator_passes
    logits = instruction.frames * instruction.heads * instruction.queries * instruction.keys
    tokens = instruction.queries if instruction.mode == "none" else instruction.keys
    results = instruction.frames * instruction.heads * tokens * instruction.value_dim
    streamed = _streamed(instruction, slot, arch)
    kept = 2 * logits * (1 if instruction.mode == "none" else passes) if instruction.logits >= 0 else 0
    return Actions(
        mac_slots=streamed * side * side * count,
        lane_operations=(1 + passes) * logits + results,
        activation_bytes=2 * streamed * side * count + results + kept,
        logit_bytes=2 * (1 + passes) * logits if instruction.mode == "none" else 0,
    )


def _energy(actions: Actions, traffic: Traffic, cycles: Cycles, arch: Arch) -> EnergyParts:
    """Counted actions times the energy table; padding multiplies zeros, does not toggle, and is not charged."""
    table: Energy = arch.energy
    sram = actions.activation_bytes + actions.weight_bytes + actions.logit_bytes
    return EnergyParts(
        mac_pj=actions.multiplications * table.mac_pj,
        lane_pj=actions.lane_operations * table.lane_pj,
        sram_pj=sram * table.sram_pj_per_byte,
        dram_pj=traffic.total_bytes * table.dram_pj_per_byte,
        static_pj=table.static_w * cycles.elapsed / arch.frequency_hz * 1e12,
    )
