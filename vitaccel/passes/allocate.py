"""Give every tensor a place in the activation buffer, spilling to DRAM what does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from vitaccel.errors import CapacityError
from vitaccel.ir.plan import (
    TOKEN,
    AttentionKernel,
    Kernel,
    LaneKernel,
    MatMulKernel,
    MoeKernel,
    Place,
    Plan,
    Tensor,
    by_frame,
    ceil_div,
    head_channels,
    heads_per_round,
    kernel_writes,
    operand_rows,
    staged_blocks,
)
from vitaccel.ir.rows import runs
from vitaccel.passes.placement import place


@dataclass(frozen=True)
class Item:
    """Something that needs words from kernel ``first`` to ``last``; ``kernel`` >= 0 for a staging of that kernel."""

    tensor: str
    words: int
    first: int
    last: int
    kernel: int = -1
    part: int = 0


@dataclass(frozen=True)
class Allocate:
    """Placement over lifetimes; in-place residuals; spilling until it fits.

    When a kernel's neighbourhood is too full, the pass spills the idle tensor with the most words times kernels to its
    next use; when nothing is idle, the kernel's own operands move to DRAM and stream through in groups of row-blocks
    (or, for attention, of heads), finer each time.
    """

    name: ClassVar[str] = "allocate"

    def run(self, plan: Plan) -> Plan:
        """Return the Plan with places; raises :class:`CapacityError` when even streaming does not fit."""
        capacity = plan.arch.buffers.activation_bytes // (plan.arch.array.count * plan.arch.array.side)
        homes = dict(plan.tensors)
        groups: dict[int, int] = {}
        while True:
            trial = replace(plan, tensors=homes, groups=groups)
            items, shared = _items(trial)
            placed = place(items, capacity)
            if not isinstance(placed, Item):
                return _with_places(trial, placed, shared)
            _relieve(trial, items, placed, homes, groups, capacity)


# -- what needs a place --------------------------------------------------------------------------------------------
def _items(plan: Plan) -> tuple[list[Item], dict[str, str]]:
    """Items of a Plan, and which tensors take over another's place."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for at, kernel in enumerate(plan.kernels):
        for touched in (*kernel.reads, *kernel_writes(kernel)):
            first.setdefault(touched, at)
            last[touched] = at
    shared = _in_place(plan, last)
    items = []
    for name, tensor in plan.tensors.items():
        if tensor.home == "chip" and name in first and name not in shared:
            end = max(last[name], *(last[s] for s in _heirs(name, shared)), 0)
            items.append(Item(name, tensor.words(plan.arch), first[name], end))
    for at, kernel in enumerate(plan.kernels):
        items.extend(_staging_items(plan, at, kernel))
    return items, shared


def _heirs(name: str, shared: dict[str, str]) -> list[str]:
    found = [name]
    for heir, owner in shared.items():
        if owner in found:
            found.append(heir)
    return found


def _in_place(plan: Plan, last: dict[str, int]) -> dict[str, str]:
    """Outputs that may take over the place of a residual nobody reads afterwards, in kernel order."""
    shared: dict[str, str] = {}
    for at, kernel in enumerate(plan.kernels):
        residual = getattr(kernel, "residual", "")
        if not residual:
            continue
        before, after = plan.tensors[residual], plan.tensors[kernel.out]
        same = (before.layout, before.element_bytes) == (after.layout, after.element_bytes)
        rows = (before.frames, before.tokens) == (after.frames, after.tokens)
        fits = rows and before.words(plan.arch) == after.words(plan.arch)
        if before.home == after.home == "chip" and same and fits and last[residual] == at:
            shared[kernel.out] = residual
    return shared


def _staging_items(plan: Plan, at: int, kernel: Kernel) -> Iterable[Item]:
    pieces = plan.groups.get(at, 1)
    for name in dict.fromkeys((*kernel.reads, *kernel_writes(kernel))):
        tensor = plan.tensors[name]
        if tensor.home != "dram":
            continue
        if pieces > 1 and streams(kernel, tensor):
            words = _piece_words(plan, kernel, tensor, pieces)
            yield Item(name, words, at, at, at, 0)
            yield Item(name, words, at, at, at, 1)
        else:
            words = min(tensor.words(plan.arch), staged_blocks(plan, kernel, name) * tensor.row_block_words(plan.arch))
            yield Item(name, words, at, at, at)


def _piece_words(plan: Plan, kernel: Kernel, tensor: Tensor, pieces: int) -> int:
    """Words of the largest piece in which a kernel takes a tensor."""
    if isinstance(kernel, AttentionKernel):
        heads = heads_per_round(kernel, plan.arch, pieces)
        return replace(tensor, channels=heads * head_channels(kernel, tensor)).words(plan.arch)
    assert isinstance(kernel, MatMulKernel | LaneKernel)
    blocks = ceil_div(kernel.tokens, plan.arch.array.side)
    rows = operand_rows(plan, kernel, tensor.name)
    cut = runs(kernel.frames, blocks, pieces, by_frame=by_frame(plan, kernel))
    return max(rows.needed(first, count)[1] for first, count in cut) * tensor.row_block_words(plan.arch)


def streams(kernel: Kernel, tensor: Tensor) -> bool:
    """Whether a kernel can take a staged tensor piece by piece."""
    if isinstance(kernel, AttentionKernel):
        return tensor.name != kernel.mask
    if isinstance(kernel, MatMulKernel):
        return tensor.layout == TOKEN and tensor.name != kernel.b
    return isinstance(kernel, LaneKernel) and kernel.row_wise and tensor.layout == TOKEN


# -- placing -------------------------------------------------------------------------------------------------------
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


# -- making room ---------------------------------------------------------------------------------------------------
def _relieve(
    plan: Plan,
    items: list[Item],
    failed: Item,
    homes: dict[str, Tensor],
    groups: dict[int, int],
    capacity: int,
) -> None:
    """Spill one tensor or stream one kernel finer, at the fullest kernel of the failed item's life."""
    load = {at: sum(i.words for i in items if i.first <= at <= i.last) for at in range(failed.first, failed.last + 1)}
    at = max(load, key=lambda k: load[k])
    kernel = plan.kernels[at]
    touched = {*kernel.reads, *kernel_writes(kernel)}
    idle = [i for i in items if i.kernel < 0 and i.first < at < i.last and i.tensor not in touched]
    if idle:
        victim = max(idle, key=lambda i: (i.words * _distance(plan, i.tensor, at), i.tensor))
        _spill(plan, victim.tensor, homes)
        return
    if isinstance(kernel, MoeKernel):
        raise _does_not_fit(plan, kernel, load[at], capacity)
    if load[at] <= capacity and _unravel(plan, items, failed, homes):
        return
    finest = _finest(plan, kernel)
    resident = [i for i in items if i.kernel < 0 and i.tensor in touched and i.first <= at <= i.last]
    movable = [i for i in resident if streams(kernel, plan.tensors[i.tensor])]
    staged = any(i.kernel == at and streams(kernel, plan.tensors[i.tensor]) for i in items)
    if staged and groups.get(at, 1) == 1 and finest > 1:
        groups[at] = min(4, finest)
        return
    if groups.get(at, 1) < finest and _least_load(plan, items, at, finest) <= capacity:
        groups[at] = min(2 * groups.get(at, 1), finest)
        return
    excess = load[at] - capacity
    if movable and finest > 1:
        enough = [i for i in movable if i.words // 2 >= excess]
        victim = min(enough, key=_by_size) if enough else max(movable, key=_by_size)
        _spill(plan, victim.tensor, homes)
        groups.setdefault(at, min(4, finest))
        return
    if groups.get(at, 1) >= finest:
        raise _does_not_fit(plan, kernel, load[at], capacity)
    groups[at] = min(2 * groups.get(at, 1), finest)


def _least_load(plan: Plan, items: list[Item], at: int, finest: int) -> int:
    """Words a kernel takes when what it stages now streams in the finest pieces."""
    kernel = plan.kernels[at]
    staged = {i.tensor for i in items if i.kernel == at and streams(kernel, plan.tensors[i.tensor])}
    rest = sum(i.words for i in items if i.first <= at <= i.last and not (i.kernel == at and i.tensor in staged))
    return rest + sum(2 * _piece_words(plan, kernel, plan.tensors[name], finest) for name in staged)


def _unravel(plan: Plan, items: list[Item], failed: Item, homes: dict[str, Tensor]) -> bool:
    """Spill the largest tensor that crosses the failed item's life: there was room, but not in one piece."""
    crossing = [
        i for i in items if i.kernel < 0 and i.first < i.last and i.first <= failed.last and failed.first <= i.last
    ]
    if crossing:
        _spill(plan, max(crossing, key=_by_size).tensor, homes)
    return bool(crossing)


def _by_size(item: Item) -> tuple[int, str]:
    return item.words, item.tensor


def _finest(plan: Plan, kernel: Kernel) -> int:
    """Most pieces a kernel can stream in: row-blocks, or rounds of heads."""
    if isinstance(kernel, AttentionKernel):
        return ceil_div(kernel.heads, plan.arch.array.count)
    if isinstance(kernel, MatMulKernel | LaneKernel):
        return kernel.frames * ceil_div(kernel.tokens, plan.arch.array.side)
    return 1


def _distance(plan: Plan, tensor: str, at: int) -> int:
    later = (k for k in range(at, len(plan.kernels)) if tensor in plan.kernels[k].reads)
    return next(later, at) - at


def _spill(plan: Plan, tensor: str, homes: dict[str, Tensor]) -> None:
    """Move a tensor to DRAM."""
    homes[tensor] = replace(plan.tensors[tensor], home="dram")


def _does_not_fit(plan: Plan, kernel: Kernel, words: int, capacity: int) -> CapacityError:
    unit = plan.arch.array.side * plan.arch.array.count
    return CapacityError(
        f"{kernel.label} ({kernel.op}) needs at most {words * unit} bytes of activation buffer at once and "
        f"buffers.activation_bytes is {capacity * unit}; raise it with --set buffers.activation_bytes={words * unit}"
    )
