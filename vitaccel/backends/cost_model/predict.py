"""The whole prediction of a Program: cycles, bytes, operations, energy, timeline and occupancy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitaccel.backends.cost_model.account import ENGINE_NAMES, layer_costs
from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.known_times import KnownTimes, slots_of
from vitaccel.backends.cost_model.replay import Slot, elapsed, replay
from vitaccel.backends.cost_model.result import Event, ExpertLoad, Occupancy, Prediction
from vitaccel.backends.cost_model.routing import ASSUMPTIONS, Routing
from vitaccel.ir.program import Program


@dataclass(frozen=True)
class ModelFacts:
    """What a report says about the model that the Program does not hold."""

    input_shapes: dict[str, tuple[int, ...]]
    params: int
    macs_dense: int
    macs_exported: int


Times = Callable[[Routing], KnownTimes]
"""Those of an accelerator's instructions under a routing."""


def predict(
    program: Program,
    facts: ModelFacts,
    routing: Routing | None = None,
    times: Times | None = None,
    use: DeviceUse | None = None,
) -> Prediction:
    """Predict a run of the Program.

    Parameters
    ----------
    program
        Scheduled Program.
    facts
        Shapes, parameters and MAC counts of the model.
    routing
        How tokens spread over experts; uniform when not given.
    times
        Of the accelerator, for a Program that it can run; else they are estimated (:mod:`timing`).
    use
        What the accelerator takes of its device; else only what the machine itself says of its limits is checked.
    """
    assumed = routing or Routing()
    slots, end = _timed(program, assumed, times)
    experts = tuple(ExpertLoad(la.label, assumed.queue_lengths(la)) for la in program.layers if la.routed)
    return Prediction(
        model=program.name,
        input_shapes=facts.input_shapes,
        arch=program.arch,
        params=facts.params,
        macs_dense=facts.macs_dense,
        macs_exported=facts.macs_exported,
        layers=layer_costs(program, slots, assumed, end),
        timeline=_timeline(program, slots),
        occupancy=_occupancy(program, slots),
        instructions=len(program.instructions),
        routing=str(assumed) if experts else "",
        experts=experts,
        cycles_by_routing={kind: _timed(program, Routing(kind), times)[1] for kind in ASSUMPTIONS} if experts else {},
        exceeded=program.arch.exceeded_limits() if use is None else use.exceeded,
        use=use,
    )


def _timed(program: Program, routing: Routing, times: Times | None) -> tuple[list[Slot], int]:
    """Return when instructions run, and the cycles of all of them."""
    if times is None:
        slots = replay(program, routing)
        return slots, elapsed(slots)
    known = times(routing)
    return slots_of(program, known, routing), known.cycles


def _timeline(program: Program, slots: list[Slot]) -> tuple[Event, ...]:
    return tuple(
        Event(ENGINE_NAMES[i.engine], i.mnemonic, i.layer, s.start, s.occupied, s.done)
        for i, s in zip(program.instructions, slots, strict=True)
    )


def _occupancy(program: Program, slots: list[Slot]) -> tuple[Occupancy, ...]:
    """Bytes held over time: a place is held from when the first instruction that touches it runs to when the last has.

    Not to when its result is there: the same engine's next instruction may use the words from then on.
    """
    unit = program.arch.array.side * program.arch.array.count
    steps: dict[int, int] = {}
    for region in program.regions:
        touching = [slots[at] for at in (region.first, region.last, *region.touched)]
        begin = min(slot.start for slot in touching)
        end = max(slot.start + slot.occupied for slot in touching)
        steps[begin] = steps.get(begin, 0) + region.words * unit
        steps[end] = steps.get(end, 0) - region.words * unit
    used, points = 0, []
    for cycle in sorted(steps):
        used += steps[cycle]
        points.append(Occupancy(cycle, used))
    return tuple(points)
