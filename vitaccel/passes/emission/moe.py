"""Instructions of a layer of routed experts: groups of tokens, and the order of experts in a group."""

from __future__ import annotations

from vitaccel.ir.plan import MoeKernel
from vitaccel.ir.program import Lane, Route
from vitaccel.ir.rows import valid_tokens
from vitaccel.passes.emission.chunks import load_constants
from vitaccel.passes.emission.emitter import Emitter
from vitaccel.passes.emission.expert import Group, Stage, gather, multiply, place_weights, scatter


def emit_moe(emitter: Emitter, kernel: MoeKernel) -> None:
    """Emit one group of tokens after the other; operands of a group load while the one before is worked on."""
    load_constants(emitter)
    place_weights(emitter, kernel)
    runs = kernel.token_groups(emitter.arch, emitter.plan.groups.get(emitter.at, 1))
    if len(runs) == 1:
        emitter.stage_whole(kernel.reads)
    for piece, (first, count) in enumerate(runs):
        tokens = valid_tokens(kernel.tokens, emitter.arch.array.side, first, count)
        _emit_group(emitter, kernel, Group(first, count, tokens, piece))
    emitter.store_results([kernel.out])


def _emit_group(emitter: Emitter, kernel: MoeKernel, group: Group) -> None:
    for name in (kernel.x, kernel.logits):
        if emitter.is_streamed(name):
            emitter.stage_in(name, group.first, group.count, group.piece)
    _start_from_residual(emitter, kernel, group)
    route = _route(emitter, kernel, group)
    stages = [Stage(kernel, group, expert, route) for expert in range(kernel.experts)]
    (_one_by_one if kernel.in_flight == 1 else _interleaved)(emitter, stages)
    if emitter.is_streamed(kernel.out):
        emitter.stage_out(kernel.out, group.first, group.count, group.piece)


def _interleaved(emitter: Emitter, stages: list[Stage]) -> None:
    """Emit experts, two in flight, so that neither engine waits for the other.

    The first matmul of expert e + 1 stands before the second of expert e, so that the array need not wait for its own
    hidden rows to drain; expert e + 2 is gathered before the results of expert e are scattered, so that its tokens are
    there when the array is free.
    """
    for stage in stages[:2]:
        gather(emitter, stage)
    for at in range(len(stages) + 1):
        if at < len(stages):
            multiply(emitter, stages[at], second=False)
        if at + 2 < len(stages):
            gather(emitter, stages[at + 2])
        if at > 0:
            multiply(emitter, stages[at - 1], second=True)
            scatter(emitter, stages[at - 1])


def _one_by_one(emitter: Emitter, stages: list[Stage]) -> None:
    """Emit experts that stage their tokens in one place: the array waits for its own hidden rows, and little else.

    The tokens of expert e + 1 are gathered while the second matmul of expert e runs, and the results of expert e are
    scattered while the first matmul of expert e + 1 runs.
    """
    for at, stage in enumerate(stages):
        if at == 0:
            gather(emitter, stage)
        multiply(emitter, stage, second=False)
        if at + 1 < len(stages):
            gather(emitter, stages[at + 1])
        multiply(emitter, stage, second=True)
        scatter(emitter, stage)


def _start_from_residual(emitter: Emitter, kernel: MoeKernel, group: Group) -> None:
    """The results are added to the residual where it stands, or to a copy (or zeros) where it must survive."""
    first, count, piece = group.first, group.count, group.piece
    if kernel.residual and emitter.in_dram(kernel.residual) and not emitter.is_staged(kernel.residual):
        emitter.stage_in(kernel.residual, first, count, piece, place_of=kernel.out)
        return
    if kernel.residual and emitter.place(kernel.residual) == emitter.place(kernel.out):
        return
    emitter.issue(
        Lane(
            layer=kernel.label,
            function="copy" if kernel.residual else "zero",
            a=emitter.address(kernel.residual, first),
            out=emitter.address(kernel.out, first, piece),
            a_step=emitter.tensor(kernel.residual).row_block_words(emitter.arch) if kernel.residual else 0,
            out_step=emitter.tensor(kernel.out).row_block_words(emitter.arch),
            row_blocks=count,
            tokens=group.tokens,
            channels=kernel.width_out,
            out_bytes=2,
        ),
        reads=[group.access(emitter, kernel.residual)] if kernel.residual else [],
        writes=[group.access(emitter, kernel.out)],
    )


def _route(emitter: Emitter, kernel: MoeKernel, group: Group) -> int:
    return emitter.issue(
        Route(
            layer=kernel.label,
            logits=emitter.address(kernel.logits, group.first, group.piece),
            row_blocks=group.count,
            tokens=group.tokens,
            frame_tokens=kernel.tokens,
            experts=kernel.experts,
            k=kernel.k,
            capacity=kernel.capacity,
            order=kernel.order,
            score=kernel.score,
        ),
        reads=[group.access(emitter, kernel.logits)],
    )
