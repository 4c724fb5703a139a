"""Make room in the activation buffer: spill a tensor, or take a kernel's rows in finer pieces."""

from __future__ import annotations

from dataclasses import replace

from vitaccel.errors import CapacityError
from vitaccel.ir.plan import Kernel, MoeKernel, Plan, kernel_writes
from vitaccel.passes.expert_groups import cut_experts
from vitaccel.passes.lifetimes import Item, finest, idle, lifetimes, piece_words, spill_idle, streams, words_at


def relieve(plan: Plan, items: list[Item], failed: Item, capacity: int) -> None:
    """Spill one tensor or stream one kernel finer, at the fullest kernel of the failed item's life.

    Parameters
    ----------
    plan
        The Plan under way; homes of tensors, ``groups`` and experts in flight change.
    items, failed
        What needs a place, and the item that found none.
    capacity
        Words of a bank.

    Raises
    ------
    CapacityError
        If nothing can be spilled or streamed any more.
    """
    groups = plan.groups
    load = {at: words_at(items, at) for at in range(failed.first, failed.last + 1)}
    at = max(load, key=lambda k: load[k])
    kernel = plan.kernels[at]
    touched = {*kernel.reads, *kernel_writes(kernel)}
    unused = idle(plan, items, at)
    cut = isinstance(kernel, MoeKernel) and (not unused or not _fits_whole(plan, at, capacity))
    if cut and cut_experts(plan, at, load[at], capacity):
        return
    if unused:
        victim = max(unused, key=lambda i: (i.words * _distance(plan, i.tensor, at), i.tensor))
        _spill(plan, victim.tensor)
        return
    if load[at] <= capacity and _unravel(plan, items, failed):
        return
    if isinstance(kernel, MoeKernel):
        raise _does_not_fit(plan, kernel, load[at], capacity)
    most = finest(plan, kernel)
    resident = [i for i in items if i.kernel < 0 and i.tensor in touched and i.first <= at <= i.last]
    movable = [i for i in resident if streams(plan, kernel, plan.tensors[i.tensor])]
    staged = any(i.kernel == at and streams(plan, kernel, plan.tensors[i.tensor]) for i in items)
    if staged and groups.get(at, 1) == 1 and most > 1:
        groups[at] = min(4, most)
        return
    if groups.get(at, 1) < most and _least_load(plan, items, at, most) <= capacity:
        groups[at] = min(2 * groups.get(at, 1), most)
        return
    excess = load[at] - capacity
    if movable and most > 1:
        enough = [i for i in movable if i.words // 2 >= excess]
        victim = min(enough, key=_by_size) if enough else max(movable, key=_by_size)
        _spill(plan, victim.tensor)
        groups.setdefault(at, min(4, most))
        return
    if groups.get(at, 1) >= most:
        raise _does_not_fit(plan, kernel, load[at], capacity)
    groups[at] = min(2 * groups.get(at, 1), most)


def _fits_whole(plan: Plan, at: int, capacity: int) -> bool:
    """Whether a layer of experts fits as it is once nothing idle is on chip."""
    items, _ = lifetimes(spill_idle(plan, at))
    return at not in plan.groups and words_at(items, at) <= capacity


def _least_load(plan: Plan, items: list[Item], at: int, pieces: int) -> int:
    """Words a kernel takes when what it stages now streams in the finest pieces."""
    kernel = plan.kernels[at]
    staged = {i.tensor for i in items if i.kernel == at and streams(plan, kernel, plan.tensors[i.tensor])}
    rest = sum(i.words for i in items if i.first <= at <= i.last and not (i.kernel == at and i.tensor in staged))
    return rest + sum(2 * piece_words(plan, kernel, plan.tensors[name], pieces) for name in staged)


def _unravel(plan: Plan, items: list[Item], failed: Item) -> bool:
    """Spill the largest tensor that crosses the failed item's life: there was room, but not in one piece."""
    crossing = [
        i for i in items if i.kernel < 0 and i.first < i.last and i.first <= failed.last and failed.first <= i.last
    ]
    if crossing:
        _spill(plan, max(crossing, key=_by_size).tensor)
    return bool(crossing)


def _by_size(item: Item) -> tuple[int, str]:
    return item.words, item.tensor


def _distance(plan: Plan, tensor: str, at: int) -> int:
    later = (k for k in range(at, len(plan.kernels)) if tensor in plan.kernels[k].reads)
    return next(later, at) - at


def _spill(plan: Plan, tensor: str) -> None:
    """Move a tensor to DRAM."""
    plan.tensors[tensor] = replace(plan.tensors[tensor], home="dram")


def _does_not_fit(plan: Plan, kernel: Kernel, words: int, capacity: int) -> CapacityError:
    unit = plan.arch.array.side * plan.arch.array.count
    return CapacityError(
        f"{kernel.label} ({kernel.op}) needs at most {words * unit} bytes of activation buffer at once and "
        f"buffers.activation_bytes is {capacity * unit}; raise it with --set buffers.activation_bytes={words * unit}"
    )
