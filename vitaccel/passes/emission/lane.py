"""Instructions of the vector engine's streams."""

from __future__ import annotations

from vitaccel.ir.plan import LaneKernel, ceil_div
from vitaccel.ir.program import NOWHERE, Lane
from vitaccel.passes.dependencies import Access
from vitaccel.passes.emission.emitter import Emitter, is_row_wise


def emit_lane(emitter: Emitter, kernel: LaneKernel) -> None:
    """Emit one instruction per group of row-blocks for row-wise functions, else one for all."""
    names = (*kernel.operands, kernel.out)
    streamed = [n for n in names if emitter.is_streamed(n)]
    blocks = kernel.frames * ceil_div(kernel.tokens, emitter.arch.array.side)
    pieces = emitter.plan.groups.get(emitter.at, 1) if streamed else emitter.row_groups if is_row_wise(kernel) else 1
    emitter.stage_whole(kernel.operands)
    for piece, (first, count) in enumerate(emitter.groups(blocks, pieces)):
        for name in dict.fromkeys(kernel.operands):
            if emitter.is_streamed(name):
                stage_in_share(emitter, name, first, count, blocks, piece)
        _issue(emitter, kernel, first, count, blocks, piece)
        if emitter.is_streamed(kernel.out):
            stage_out_share(emitter, kernel.out, first, count, blocks, piece)
    emitter.store_results([kernel.out])


def _issue(emitter: Emitter, kernel: LaneKernel, first: int, count: int, blocks: int, piece: int) -> None:
    source = emitter.tensor(kernel.operands[0]) if kernel.operands else emitter.tensor(kernel.out)
    emitter.issue(
        Lane(
            layer=kernel.label,
            function=kernel.function,
            a=emitter.address(kernel.operands[0], first, piece) if kernel.operands else NOWHERE,
            b=emitter.address(kernel.operands[1], first, piece) if len(kernel.operands) > 1 else NOWHERE,
            out=emitter.address(kernel.out, first, piece),
            row_blocks=count,
            tokens=emitter.valid_tokens(kernel.tokens, first, count),
            channels=kernel.channels,
            passes=kernel.passes,
            element_bytes=source.element_bytes,
            out_bytes=emitter.tensor(kernel.out).element_bytes,
        ),
        reads=[_share(emitter, n, first, count, blocks, piece, row_wise=is_row_wise(kernel)) for n in kernel.operands],
        writes=[_share(emitter, kernel.out, first, count, blocks, piece, row_wise=is_row_wise(kernel))],
    )


def _share(emitter: Emitter, name: str, first: int, count: int, blocks: int, piece: int, *, row_wise: bool) -> Access:
    if emitter.is_streamed(name):
        return emitter.access(name, 0, 1, piece)
    if row_wise and emitter.row_blocks(name) == blocks:
        return emitter.access(name, first, count)
    return emitter.access(name)


def share(first: int, count: int, blocks: int, mine: int) -> tuple[int, int]:
    """The run of ``mine`` row-blocks that corresponds to a run of ``blocks`` row-blocks."""
    start = first * mine // blocks
    return start, max(1, (first + count) * mine // blocks - start)


def stage_in_share(emitter: Emitter, name: str, first: int, count: int, blocks: int, piece: int) -> None:
    """Load the part of a tensor that corresponds to a run of the kernel's row-blocks."""
    start, run = share(first, count, blocks, emitter.row_blocks(name))
    emitter.stage_in(name, start, run, piece)


def stage_out_share(emitter: Emitter, name: str, first: int, count: int, blocks: int, piece: int) -> None:
    """Store the part of a tensor that corresponds to a run of the kernel's row-blocks."""
    start, run = share(first, count, blocks, emitter.row_blocks(name))
    emitter.stage_out(name, start, run, piece)
