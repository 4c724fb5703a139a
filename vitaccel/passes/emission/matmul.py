"""Instructions of a tiled matmul."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.ir.plan import MatMulKernel, ceil_div
from vitaccel.ir.program import NOWHERE, Engine, MatMul
from vitaccel.passes.dependencies import Access
from vitaccel.passes.emission.emitter import Chunk, Emitter


def emit_matmul(emitter: Emitter, kernel: MatMulKernel) -> None:
    """Emit loads and matmuls, weights outermost; rows in groups where the vector engine or DRAM is on the other end.

    When operands stream from DRAM, the loop order that moves fewer bytes is taken: weights once and rows again for
    every weight chunk, or rows once and weights again for every group of rows.
    """
    if any(emitter.is_streamed(name) for name in (kernel.a, kernel.residual, kernel.out) if name):
        _emit_streamed(emitter, kernel)
        return
    blocks = _row_blocks(emitter, kernel)
    chunks = _chunk_plan(emitter, kernel)
    fine = emitter.groups(blocks, emitter.row_groups)
    _stage_operands(emitter, kernel, rest=False)
    for at, (first_tile, tiles) in enumerate(chunks):
        chunk = _load(emitter, kernel, first_tile, tiles)
        if at == 0:
            _stage_operands(emitter, kernel, rest=True)
        entering = at == 0 and emitter.comes_from_lanes(kernel.a)
        leaving = at == len(chunks) - 1 and emitter.feeds_lanes(kernel.out)
        for first, count in fine if entering or leaving else [(0, blocks)]:
            _issue(emitter, kernel, chunk, _Part(first, count, first_tile, tiles))
            if at == len(chunks) - 1 and kernel.out in emitter.plan.outputs:
                emitter.stage_out(kernel.out, first, count)
    if kernel.out not in emitter.plan.outputs:
        emitter.store_results([kernel.out])


@dataclass(frozen=True)
class _Part:
    """Row-blocks and column tiles of one instruction; ``piece`` alternates streaming places."""

    first: int
    count: int
    first_tile: int
    tiles: int
    piece: int = 0


def _stage_operands(emitter: Emitter, kernel: MatMulKernel, *, rest: bool) -> None:
    """Load DRAM operands in groups of rows: the first group ahead of the weights, the rest behind them."""
    for name in dict.fromkeys((kernel.a, kernel.b, kernel.residual)):
        if not name or not emitter.in_dram(name):
            continue
        groups = emitter.groups(emitter.row_blocks(name), 1 if name == kernel.b else emitter.row_groups)
        for first, count in groups[1:] if rest else groups[:1]:
            emitter.stage_in(name, first, count)


def _row_blocks(emitter: Emitter, kernel: MatMulKernel) -> int:
    return kernel.frames * ceil_div(kernel.tokens, emitter.arch.array.side)


def _chunk_plan(emitter: Emitter, kernel: MatMulKernel) -> list[tuple[int, int]]:
    if kernel.b:
        return [(0, kernel.n_tiles)]
    sizes = emitter.chunk_sizes(kernel.n_tiles, kernel.tile_bytes(emitter.arch))
    return [(sum(sizes[:at]), size) for at, size in enumerate(sizes)]


def _load(emitter: Emitter, kernel: MatMulKernel, first_tile: int, tiles: int) -> Chunk | None:
    if kernel.b:
        return None
    return emitter.load_weights(kernel.node, first_tile, tiles, kernel.tile_bytes(emitter.arch), kernel.n_tiles)


def _issue(emitter: Emitter, kernel: MatMulKernel, chunk: Chunk | None, part: _Part) -> None:
    out = emitter.tensor(kernel.out)
    side = emitter.arch.array.side
    reads = [_rows(emitter, kernel.a, kernel, part)]
    if kernel.b:
        reads.append(emitter.access(kernel.b))
    if kernel.residual:
        reads.append(_rows(emitter, kernel.residual, kernel, part))
    column_words = part.first_tile // emitter.arch.array.count * side * out.element_bytes
    count = emitter.issue(
        MatMul(
            layer=kernel.label,
            a=emitter.address(kernel.a, part.first, part.piece),
            weight=chunk.address if chunk else NOWHERE,
            b=emitter.address(kernel.b),
            out=emitter.address(kernel.out, part.first, part.piece) + column_words,
            residual=emitter.address(kernel.residual, part.first, part.piece),
            row_blocks=part.count,
            tokens=emitter.valid_tokens(kernel.tokens, part.first, part.count),
            k=kernel.k,
            n=max(0, min(part.tiles * side, kernel.n - part.first_tile * side)) or part.tiles * side,
            n_tiles=part.tiles,
            activation=kernel.activation,
            drain=kernel.drain,
            out_bytes=out.element_bytes,
            moments=kernel.moments,
        ),
        reads=reads,
        writes=[_rows(emitter, kernel.out, kernel, part)],
        after=[(Engine.LOAD, chunk.load_count)] if chunk else [],
    )
    if chunk:
        emitter.ring.used(chunk.handle, count)


def _rows(emitter: Emitter, name: str, kernel: MatMulKernel, part: _Part) -> Access:
    """Access to the part's rows; operands of another shape (a convolution's input, a shared constant) wholly."""
    aligned = emitter.row_blocks(name) == _row_blocks(emitter, kernel) or emitter.is_streamed(name)
    if not aligned and name == kernel.a and emitter.tensor(name).tokens >= kernel.tokens and kernel.tokens == 1:
        return emitter.access(name, 0, 1)
    if not aligned:
        return emitter.access(name)
    offset = 0 if emitter.is_streamed(name) else part.first
    return emitter.access(name, offset, part.count, part.piece)


def _emit_streamed(emitter: Emitter, kernel: MatMulKernel) -> None:
    pieces = emitter.plan.groups.get(emitter.at, 1)
    _stage_whole(emitter, kernel)
    groups = emitter.groups(_row_blocks(emitter, kernel), pieces)
    chunks = _chunk_plan(emitter, kernel)
    if _rows_outermost(emitter, kernel, len(groups), len(chunks)):
        _rows_first(emitter, kernel, groups, chunks)
    else:
        _weights_first(emitter, kernel, groups, chunks)


def _stage_whole(emitter: Emitter, kernel: MatMulKernel) -> None:
    emitter.stage_whole(t for t in (kernel.a, kernel.b, kernel.residual) if t)


def _rows_outermost(emitter: Emitter, kernel: MatMulKernel, groups: int, chunks: int) -> bool:
    """Whether loading rows once moves fewer bytes than loading weights once."""
    weights = 0 if kernel.b else kernel.n_tiles * kernel.tile_bytes(emitter.arch)
    rows = emitter.tensor(kernel.a).dram_bytes(emitter.arch) if emitter.is_streamed(kernel.a) else 0
    return weights * groups + rows <= weights + rows * chunks


def _rows_first(
    emitter: Emitter, kernel: MatMulKernel, groups: list[tuple[int, int]], chunks: list[tuple[int, int]]
) -> None:
    for piece, (first, count) in enumerate(groups):
        _stream_a(emitter, kernel, first, count, piece)
        if kernel.residual and emitter.is_streamed(kernel.residual):
            emitter.stage_in(kernel.residual, first, count, piece)
        for first_tile, tiles in chunks:
            chunk = _load(emitter, kernel, first_tile, tiles)
            _issue(emitter, kernel, chunk, _Part(first, count, first_tile, tiles, piece))
        if emitter.is_streamed(kernel.out):
            emitter.stage_out(kernel.out, first, count, piece)
    emitter.store_results([kernel.out])


def _weights_first(
    emitter: Emitter, kernel: MatMulKernel, groups: list[tuple[int, int]], chunks: list[tuple[int, int]]
) -> None:
    piece = 0
    for first_tile, tiles in chunks:
        chunk = _load(emitter, kernel, first_tile, tiles)
        for first, count in groups:
            part = _Part(first, count, first_tile, tiles, piece)
            _stream_a(emitter, kernel, first, count, piece)
            if kernel.residual and emitter.is_streamed(kernel.residual):
                _stream_columns(emitter, kernel.residual, part, into=True)
            _issue(emitter, kernel, chunk, part)
            if emitter.is_streamed(kernel.out):
                _stream_columns(emitter, kernel.out, part, into=False)
            piece += 1
    emitter.store_results([kernel.out])


def _stream_columns(emitter: Emitter, name: str, part: _Part, *, into: bool) -> None:
    """Move the columns of a part: a run of bytes in each of its row-blocks."""
    side = emitter.arch.array.side
    first = part.first_tile * side
    count = min(part.tiles * side, emitter.tensor(name).channels - first)
    emitter.stage_channels(name, (first, count), (part.first, part.count), part.piece, into=into)


def _stream_a(emitter: Emitter, kernel: MatMulKernel, first: int, count: int, piece: int) -> None:
    """Load the rows of A for a run of output row-blocks; a convolution's input has its own number of row-blocks."""
    if not emitter.is_streamed(kernel.a):
        return
    mine, all_blocks = emitter.row_blocks(kernel.a), _row_blocks(emitter, kernel)
    start = first * mine // all_blocks
    emitter.stage_in(kernel.a, start, max(1, (first + count) * mine // all_blocks - start), piece)
