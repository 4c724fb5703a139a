"""Experts that do not fit whole: fewer of them in flight, or groups of tokens, each with the weights loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations

from vitaccel.ir.plan import MoeKernel, Plan, Tensor
from vitaccel.passes.lifetimes import finest, lifetimes, piece_words, spill_idle


@dataclass(frozen=True, order=True)
class Cut:
    """One way to run a layer of experts, best first.

    Parameters
    ----------
    dram_bytes
        Bytes of weights that all groups load, and bytes that go to DRAM and back for the layer's sake.
    pieces
        Groups of tokens.
    spilled
        Operands and results that move to DRAM.
    words
        Words of a bank at once.
    """

    dram_bytes: int
    pieces: int
    spilled: tuple[str, ...]
    words: int


def cut_experts(plan: Plan, at: int, load: int, capacity: int) -> bool:
    """Make a layer of experts take fewer words, moving as few bytes as possible.

    One expert's tokens are staged at a time instead of two's: as many words hold groups of twice the tokens, and every
    group loads all weights. Operands in DRAM leave room for larger groups too. With a capacity all tokens stay one
    group, as which of them are dropped depends on all.

    Parameters
    ----------
    plan
        The Plan under way; homes and staging tensors of kernel ``at`` and its ``groups`` change.
    at
        Index of the kernel.
    load, capacity
        Words that are needed now, and that there are.

    Returns
    -------
    bool
        False when no other way takes fewer words; nothing has changed then.
    """
    cut = min((cut for cut in _cuts(plan, at, capacity) if cut.words < load), default=None)
    if cut is None:
        return False
    kernel = plan.kernels[at]
    assert isinstance(kernel, MoeKernel)
    for name in cut.spilled:
        plan.tensors[name] = replace(plan.tensors[name], home="dram")
    for name in kernel.staging[3:]:
        del plan.tensors[name]
    kernel = replace(kernel, staging=kernel.staging[:3])
    plan.kernels[at] = kernel
    for tensor in _staged(plan, kernel, cut.pieces):
        plan.tensors[tensor.name] = tensor
    plan.groups[at] = cut.pieces
    return True


def _cuts(plan: Plan, at: int, capacity: int) -> Iterator[Cut]:
    """For every choice of operands in DRAM, the fewest groups that fit."""
    kernel = plan.kernels[at]
    assert isinstance(kernel, MoeKernel)
    operands = dict.fromkeys((kernel.x, kernel.logits, kernel.residual, kernel.out))
    movable = [name for name in operands if name and plan.tensors[name].home == "chip"]
    for trial in _spilling(plan, at, movable):
        spilled = tuple(name for name, tensor in plan.tensors.items() if tensor.home != trial.tensors[name].home)
        resident = _resident_words(trial, at)
        traffic = sum(_traffic(trial, name) for name in spilled)
        for pieces in _lengths(plan, kernel):
            words = resident + _words(trial, kernel, pieces)
            if words <= capacity:
                weights = len(kernel.token_groups(plan.arch, pieces)) * kernel.weight_bytes(plan.arch)
                yield Cut(weights + traffic, pieces, spilled, words)
                break


def _spilling(plan: Plan, at: int, movable: list[str]) -> Iterator[Plan]:
    """Every choice of operands in DRAM, with what the kernel does not touch on chip or in DRAM too."""
    for names in chain.from_iterable(combinations(movable, count) for count in range(len(movable) + 1)):
        moved = {name: replace(plan.tensors[name], home="dram") for name in names}
        trial = replace(plan, tensors=plan.tensors | moved)
        yield trial
        emptied = spill_idle(trial, at)
        if emptied is not trial:
            yield emptied


def _lengths(plan: Plan, kernel: MoeKernel) -> list[int]:
    """Numbers of pieces that differ in the length of a group, fewest first."""
    found: dict[tuple[int, int], int] = {}
    for pieces in range(1, finest(plan, kernel) + 1):
        found.setdefault(kernel.token_groups(plan.arch, pieces)[0], pieces)
    return list(found.values())


def _resident_words(plan: Plan, at: int) -> int:
    """Words that tensors on chip hold while a kernel runs, its own staging aside."""
    kernel = plan.kernels[at]
    assert isinstance(kernel, MoeKernel)
    items, _ = lifetimes(plan)
    return sum(i.words for i in items if i.kernel < 0 and i.first <= at <= i.last and i.tensor not in kernel.staging)


def _words(plan: Plan, kernel: MoeKernel, pieces: int) -> int:
    """Words of what one expert stages, and of operands and results in DRAM."""
    experts = sum(tensor.words(plan.arch) for tensor in _staged(plan, kernel, pieces)[:3])
    streamed = [plan.tensors[name] for name in {*kernel.reads, kernel.out} if plan.tensors[name].home == "dram"]
    if pieces == 1:
        return experts + sum(tensor.words(plan.arch) for tensor in streamed)
    return experts + sum(2 * piece_words(plan, kernel, t, pieces) for t in streamed if t.name != kernel.residual)


def _staged(plan: Plan, kernel: MoeKernel, pieces: int) -> list[Tensor]:
    """The staging tensors of experts, as long as the longest queue of a group."""
    tokens = min(kernel.max_rows, max(kernel.group_tokens(plan.arch, pieces)))
    return [replace(plan.tensors[name], tokens=tokens) for name in kernel.staging]


def _traffic(plan: Plan, name: str) -> int:
    """Bytes that a tensor moves when it lives in DRAM: written once, and read by each of its readers."""
    readers = sum(name in kernel.reads for kernel in plan.kernels)
    return plan.tensors[name].dram_bytes(plan.arch) * (readers + (name not in plan.outputs))
