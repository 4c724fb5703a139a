"""From timed instructions to layers: where every cycle went, what was moved and clocked, and what it costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from vitaccel.arch import Arch, Energy
from vitaccel.backends.cost_model.replay import NOTHING, Slot, elapsed
from vitaccel.backends.cost_model.result import Actions, Busy, Cycles, EnergyParts, LayerCost, Traffic
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.timing import timing
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.program import (
    Attention,
    Engine,
    Gather,
    Instruction,
    Lane,
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
    cycles = _cycles(program, slots, elapsed(slots) if end is None else end)
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
    costs = []
    for at, layer in enumerate(program.layers):
        macs, multiplications = layer.macs, layer.multiplications
        if layer.routed:
            macs = multiplications = sum(routing.queue_lengths(layer)) * layer.routed.macs_per_row
        counted = replace(Actions.total(actions[at]), macs=macs, multiplications=multiplications)
        moved = Traffic(**traffic[at])
        energy = _energy(counted, moved, cycles[at], program.arch)
        costs.append(LayerCost(layer.label, layer.op, cycles[at], Busy(**busy[at]), moved, counted, energy))
    return tuple(costs)


def _cycles(program: Program, slots: list[Slot], end: int) -> list[Cycles]:
    """Split the elapsed time along the compute engine: busy to its layer, idle to the layer and engine waited for."""
    cycles: list[Counter[str]] = [Counter() for _ in program.layers]
    free = 0
    last = NOTHING
    for at, (instruction, slot) in enumerate(zip(program.instructions, slots, strict=True)):
        if instruction.engine is not Engine.COMPUTE:
            continue
        if slot.start > free:
            cause = CAUSES[Engine(slot.cause)]
            layer = program.kernel_of[slot.blocker if cause in ("vector", "store") else at]
            cycles[layer][cause] += slot.start - free
        # A matmul of an expert that has no tokens waits until the array has drained, if at all.
        cycles[program.kernel_of[at]]["array" if slot.rows else "drain"] += slot.occupied
        free = slot.start + slot.occupied
        last = at
    _tail(program, slots, (free, end), last, cycles)
    return [Cycles(**parts) for parts in cycles]


def _tail(program: Program, slots: list[Slot], span: tuple[int, int], last: int, cycles: list[Counter[str]]) -> None:
    """After the last matmul: its own drain first, then whatever finishes last."""
    free, end = span
    if last != NOTHING:
        drained = min(end, slots[last].done)
        cycles[program.kernel_of[last]]["drain"] += max(0, drained - free)
        free = max(free, drained)
    if end > free:
        final = max(range(len(slots)), key=lambda at: slots[at].done)
        cycles[program.kernel_of[final]][CAUSES[program.instructions[final].engine]] += end - free


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
    """Slots clocked; a word of A a cycle, a word of B an array and cycle; results (and residuals) once."""
    side, count = arch.array.side, arch.array.count
    blocks = instruction.row_blocks if slot.rows < 0 else ceil_div(slot.rows, side)
    results = blocks * side * instruction.n_tiles * side
    residual = 2 * results if instruction.residual >= 0 else 0
    streamed = _streamed(instruction, slot, arch)
    b_bytes = streamed * side * count
    from_weights = instruction.weight >= 0
    return Actions(
        mac_slots=streamed * side * side * count,
        lane_operations=results,
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
