"""What needs words of the activation buffer, and for how long: tensors on chip, and staging of those in DRAM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from vitaccel.ir.plan import (
    TOKEN,
    AttentionKernel,
    Kernel,
    LaneKernel,
    MatMulKernel,
    MoeKernel,
    Plan,
    Tensor,
    by_frame,
    ceil_div,
    channels_of_heads,
    heads_per_round,
    kernel_writes,
    operand_rows,
    staged_blocks,
)
from vitaccel.ir.rows import runs


@dataclass(frozen=True)
class Item:
    """Something that needs words from kernel ``first`` to ``last``; ``kernel`` >= 0 for a staging of that kernel."""

    tensor: str
    words: int
    first: int
    last: int
    kernel: int = -1
    part: int = 0


def lifetimes(plan: Plan) -> tuple[list[Item], dict[str, str]]:
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
        items.extend(staging_items(plan, at, kernel))
    return items, shared


def idle(plan: Plan, items: list[Item], at: int) -> list[Item]:
    """Items on chip that a kernel holds up and does not touch."""
    kernel = plan.kernels[at]
    touched = {*kernel.reads, *kernel_writes(kernel)}
    return [i for i in items if i.kernel < 0 and i.first < at < i.last and i.tensor not in touched]


def words_at(items: list[Item], at: int) -> int:
    """Words that are held while a kernel runs."""
    return sum(item.words for item in items if item.first <= at <= item.last)


def spill_idle(plan: Plan, at: int) -> Plan:
    """The Plan with everything in DRAM that a kernel does not touch: the least it can hold in its present form."""
    while True:
        items, _ = lifetimes(plan)
        victims = {item.tensor for item in idle(plan, items, at)}
        if not victims:
            return plan
        homes = {name: replace(plan.tensors[name], home="dram") for name in victims}
        plan = replace(plan, tensors=plan.tensors | homes)


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


def staging_items(plan: Plan, at: int, kernel: Kernel) -> Iterable[Item]:
    """Items of a kernel's operands and results that live in DRAM: two places that take turns for what streams."""
    pieces = plan.groups.get(at, 1)
    for name in dict.fromkeys((*kernel.reads, *kernel_writes(kernel))):
        tensor = plan.tensors[name]
        if tensor.home != "dram":
            continue
        if pieces > 1 and isinstance(kernel, MoeKernel) and name == kernel.residual:
            continue  # loaded to where the sum is to be
        if pieces > 1 and streams(plan, kernel, tensor):
            words = piece_words(plan, kernel, tensor, pieces)
            yield Item(name, words, at, at, at, 0)
            yield Item(name, words, at, at, at, 1)
        else:
            words = min(tensor.words(plan.arch), staged_blocks(plan, kernel, name) * tensor.row_block_words(plan.arch))
            yield Item(name, words, at, at, at)


def piece_words(plan: Plan, kernel: Kernel, tensor: Tensor, pieces: int) -> int:
    """Words of the largest piece in which a kernel takes a tensor."""
    if isinstance(kernel, AttentionKernel):
        heads = heads_per_round(kernel, plan.arch, pieces)
        _, channels = channels_of_heads(kernel, tensor, 0, heads, plan.arch)
        return replace(tensor, channels=channels).words(plan.arch)
    if isinstance(kernel, MoeKernel):
        needed = kernel.token_groups(plan.arch, pieces)
    else:
        assert isinstance(kernel, MatMulKernel | LaneKernel)
        blocks = ceil_div(kernel.tokens, plan.arch.array.side)
        rows = operand_rows(plan, kernel, tensor.name)
        cut = runs(kernel.frames, blocks, pieces, by_frame=by_frame(plan, kernel))
        needed = [rows.needed(first, count) for first, count in cut]
    if tensor.layout == TOKEN:
        return max(count for _, count in needed) * tensor.row_block_words(plan.arch)
    return max(tensor.run_words(plan.arch, *run) for run in needed)


def streams(plan: Plan, kernel: Kernel, tensor: Tensor) -> bool:
    """Whether a kernel can take a staged tensor piece by piece."""
    if isinstance(kernel, AttentionKernel):
        return tensor.name != kernel.mask
    if isinstance(kernel, MoeKernel):
        return tensor.name not in kernel.staging
    if isinstance(kernel, MatMulKernel):
        return tensor.layout == TOKEN and tensor.name != kernel.b
    if not isinstance(kernel, LaneKernel) or not kernel.row_wise:
        return False
    return tensor.layout == TOKEN or (tensor.name == kernel.out and _gathered_in_groups(plan, tensor))


def _gathered_in_groups(plan: Plan, tensor: Tensor) -> bool:
    """Whether experts take the rows of a channel-lane tensor group by group, so that it may also come in runs."""
    return any(
        isinstance(kernel, MoeKernel) and kernel.x == tensor.name and plan.groups.get(at, 1) > 1
        for at, kernel in enumerate(plan.kernels)
    )


def finest(plan: Plan, kernel: Kernel) -> int:
    """Most pieces a kernel can stream in: row-blocks, or rounds of heads."""
    if isinstance(kernel, AttentionKernel):
        return ceil_div(kernel.heads, plan.arch.array.count)
    if isinstance(kernel, MoeKernel) and kernel.capacity:
        return 1  # which tokens are dropped depends on all of them
    if isinstance(kernel, MatMulKernel | LaneKernel | MoeKernel):
        return kernel.frames * ceil_div(kernel.tokens, plan.arch.array.side)
    return 1
