"""Give every tensor a place in the activation buffer, spilling to DRAM what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from vitaccel.ir.plan import Place, Plan
from vitaccel.ir.tensor import activation_words
from vitaccel.passes.lifetimes import Item, lifetimes
from vitaccel.passes.placement import place
from vitaccel.passes.relief import relieve


@dataclass(frozen=True)
class Allocate:
    """Placement over lifetimes; in-place residuals; spilling until it fits.

    When a kernel's neighbourhood is too full, the pass spills the idle tensor with the most words times kernels to its
    next use; when nothing is idle, the kernel's own operands move to DRAM and stream through in groups of row-blocks
    (or, for attention, of heads), finer each time. Experts take their tokens in groups (see
    :func:`vitaccel.passes.expert_groups.cut_experts`).
    """

    name: ClassVar[str] = "allocate"

    def run(self, plan: Plan) -> Plan:
        """Return the Plan with places.

        Raises
        ------
        CapacityError
            When even streaming does not fit.
        """
        capacity = activation_words(plan.arch)
        trial = replace(plan, kernels=list(plan.kernels), tensors=dict(plan.tensors), groups={})
        while True:
            items, shared = lifetimes(trial)
            placed = place(items, capacity)
            if not isinstance(placed, Item):
                return _with_places(trial, placed, shared)
            relieve(trial, items, placed, capacity)


def _with_places(plan: Plan, placed: dict[Item, int], shared: dict[str, str]) -> Plan:
    places: dict[str, Place] = {}
    staging: dict[tuple[int, str], tuple[Place, ...]] = {}
    for item, address in placed.items():
        place = Place(item.tensor, address, item.words, item.first, item.last)
        if item.kernel < 0:
            places[item.tensor] = place
    for item, address in sorted(placed.items(), key=lambda entry: (entry[0].kernel, entry[0].part)):
        if item.kernel >= 0:
            place = Place(item.tensor, address, item.words, item.first, item.last)
            staging[item.kernel, item.tensor] = (*staging.get((item.kernel, item.tensor), ()), place)
    for heir, owner in shared.items():
        places[heir] = places[owner]
    return replace(plan, places=places, staging=staging)
