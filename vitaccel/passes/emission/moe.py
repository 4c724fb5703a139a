"""Instructions of a layer of routed experts."""

from __future__ import annotations

from vitaccel.ir.plan import MatMulKernel, MoeKernel, ceil_div
from vitaccel.ir.program import NOWHERE, Engine, Gather, Lane, MatMul, Route, ScatterAdd
from vitaccel.ir.rows import valid_tokens
from vitaccel.passes.emission.chunks import chunk_sizes, load_constants, load_weights
from vitaccel.passes.emission.emitter import Chunk, Emitter

COPIES = 2
"""Experts in flight: the next one's tokens gather and weights load while one computes."""


def emit_moe(emitter: Emitter, kernel: MoeKernel) -> None:
    """Emit routing, then the experts, interleaved so that neither engine waits for the other.

    The first matmul of expert e + 1 stands before the second of expert e, so that the array need not wait for its own
    hidden rows to drain; expert e + 2 is gathered before the results of expert e are scattered, so that its tokens are
    there when the array is free.
    """
    load_constants(emitter)
    _place_experts(emitter, kernel)
    emitter.stage_whole(kernel.reads)
    _start_from_residual(emitter, kernel)
    route = _route(emitter, kernel)
    longest = emitter.arch.moe.order == "longest"
    for expert in range(min(COPIES, kernel.experts)):
        _gather(emitter, kernel, expert, route)
    for expert in range(kernel.experts + 1):
        if expert < kernel.experts:
            _matmul(emitter, kernel, expert, second=False, route=route if longest else 0)
        if expert + COPIES < kernel.experts:
            _gather(emitter, kernel, expert + COPIES, route)
        if expert > 0:
            _matmul(emitter, kernel, expert - 1, second=True, route=route if longest else 0)
            _scatter(emitter, kernel, expert - 1)
    emitter.store_results([kernel.out])


def _place_experts(emitter: Emitter, kernel: MoeKernel) -> None:
    """Put the weights of all experts into DRAM one after another, at equal distances."""
    for expert in range(kernel.experts):
        for second in (False, True):
            n_tiles, tile_bytes = _expert_tiles(emitter, kernel, second)
            emitter.dram(_expert_weights(kernel, expert, second), n_tiles * tile_bytes)


def _expert_weights(kernel: MoeKernel, expert: int, second: bool) -> str:
    """What the weights of one of an expert's matmuls are called in DRAM."""
    return f"{kernel.node}.expert{expert}.{'w2' if second else 'w1'}"


def _expert_tiles(emitter: Emitter, kernel: MoeKernel, second: bool) -> tuple[int, int]:
    """Weight tiles of one of an expert's matmuls, and the bytes of one."""
    k, n = (kernel.hidden, kernel.width_out) if second else (kernel.width_in, kernel.hidden)
    tile_bytes = MatMulKernel(label="", node="", op="", out="", a="", k=k).tile_bytes(emitter.arch)
    return ceil_div(n, emitter.arch.array.side), tile_bytes


def _start_from_residual(emitter: Emitter, kernel: MoeKernel) -> None:
    """The results are added to the residual where it stands, or to a copy (or zeros) where it must survive."""
    if kernel.residual and emitter.place(kernel.residual) == emitter.place(kernel.out):
        return
    blocks = emitter.row_blocks(kernel.out)
    emitter.issue(
        Lane(
            layer=kernel.label,
            function="copy" if kernel.residual else "zero",
            a=emitter.address(kernel.residual),
            out=emitter.address(kernel.out),
            a_step=emitter.tensor(kernel.residual).row_block_words(emitter.arch) if kernel.residual else 0,
            out_step=emitter.tensor(kernel.out).row_block_words(emitter.arch),
            row_blocks=blocks,
            tokens=valid_tokens(kernel.tokens, emitter.arch.array.side, 0, blocks),
            channels=kernel.width_out,
            out_bytes=2,
        ),
        reads=[emitter.access(kernel.residual)] if kernel.residual else [],
        writes=[emitter.access(kernel.out)],
    )


def _route(emitter: Emitter, kernel: MoeKernel) -> int:
    return emitter.issue(
        Route(
            layer=kernel.label,
            logits=emitter.address(kernel.logits),
            row_blocks=emitter.row_blocks(kernel.logits),
            tokens=kernel.frames * kernel.tokens,
            frame_tokens=kernel.tokens,
            experts=kernel.experts,
            k=kernel.k,
            capacity=kernel.capacity,
            order=kernel.order,
            score=kernel.score,
        ),
        reads=[emitter.access(kernel.logits)],
    )


def _stage(kernel: MoeKernel, expert: int) -> tuple[str, str, str]:
    """Gathered, hidden and result tensors of an expert."""
    copy = expert % COPIES
    gathered, hidden, result = kernel.staging[3 * copy : 3 * copy + 3]
    return gathered, hidden, result


def _gather(emitter: Emitter, kernel: MoeKernel, expert: int, route: int) -> None:
    gathered, _, _ = _stage(kernel, expert)
    emitter.issue(
        Gather(
            layer=kernel.label,
            expert=expert,
            a=emitter.address(kernel.x),
            out=emitter.address(gathered),
            a_step=emitter.tensor(kernel.x).tile_words(),
            out_step=emitter.tensor(gathered).row_block_words(emitter.arch),
            channels=kernel.width_in,
        ),
        reads=[emitter.access(kernel.x)],
        writes=[emitter.access(gathered)],
        after=[(Engine.VECTOR, route)],
    )


def _scatter(emitter: Emitter, kernel: MoeKernel, expert: int) -> None:
    _, _, result = _stage(kernel, expert)
    assert emitter.parameters is not None
    emitter.issue(
        ScatterAdd(
            layer=kernel.label,
            expert=expert,
            a=emitter.address(result),
            out=emitter.address(kernel.out),
            parameters=emitter.parameters.address,
            a_step=emitter.tensor(result).row_block_words(emitter.arch),
            out_step=emitter.tensor(kernel.out).row_block_words(emitter.arch),
            frame_tokens=kernel.tokens,
            channels=kernel.width_out,
        ),
        # Experts share tokens: a sum must be there before the next is added to it.
        reads=[emitter.access(result), emitter.access(kernel.out)],
        writes=[emitter.access(kernel.out)],
        chunks=[emitter.parameters],
    )


def _matmul(emitter: Emitter, kernel: MoeKernel, expert: int, *, second: bool, route: int) -> None:
    """One of an expert's two matmuls, chunk by chunk; ``route`` > 0 makes loading wait for the routing."""
    gathered, hidden, result = _stage(kernel, expert)
    a, out = (hidden, result) if second else (gathered, hidden)
    k, n = (kernel.hidden, kernel.width_out) if second else (kernel.width_in, kernel.hidden)
    side = emitter.arch.array.side
    n_tiles, tile_bytes = _expert_tiles(emitter, kernel, second)
    first_tile = 0
    for tiles in chunk_sizes(emitter, n_tiles, tile_bytes):
        chunk = _expert_chunk(emitter, kernel, expert, second, first_tile, tiles, tile_bytes, n_tiles, route)
        target = emitter.tensor(out)
        instruction = MatMul(
            layer=kernel.label,
            expert=expert,
            a=emitter.address(a),
            weight=chunk.address,
            out=emitter.address(out) + target.channel_words(emitter.arch, first_tile * side),
            table=NOWHERE if second or emitter.table is None else emitter.table.address,
            a_step=emitter.tensor(a).row_block_words(emitter.arch),
            out_step=target.row_block_words(emitter.arch),
            row_blocks=ceil_div(kernel.max_rows, side),
            tokens=kernel.max_rows,
            k=k,
            n=min(tiles * side, n - first_tile * side),
            n_tiles=tiles,
            activation="" if second else kernel.activation,
            out_bytes=target.element_bytes,
        )
        emitter.issue(
            instruction,
            reads=[emitter.access(a)],
            writes=[emitter.access(out)],
            chunks=[chunk, None if second else emitter.table],
        )
        first_tile += tiles


def _expert_chunk(
    emitter: Emitter,
    kernel: MoeKernel,
    expert: int,
    second: bool,
    first_tile: int,
    tiles: int,
    tile_bytes: int,
    n_tiles: int,
    route: int,
) -> Chunk:
    name = _expert_weights(kernel, expert, second)
    following = emitter.program.dram_map.get(_expert_weights(kernel, 1, second), (0, 0))[0]
    return load_weights(
        emitter,
        name,
        first_tile,
        tiles,
        tile_bytes,
        n_tiles,
        expert=expert if route else -1,
        expert_stride=following - emitter.program.dram_map[_expert_weights(kernel, 0, second)][0] if route else 0,
        after_route=route,
    )
