"""Instructions of a tiled matmul."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.ir.plan import TOKEN, MatMulKernel, by_frame, ceil_div, staged_blocks
from vitaccel.ir.program import NOWHERE, MatMul
from vitaccel.ir.rows import runs, valid_tokens
from vitaccel.ir.tensor import plane_words, turns
from vitaccel.passes.dependencies import Access
from vitaccel.passes.emission.chunks import chunk_sizes, load_constants, load_weights
from vitaccel.passes.emission.emitter import Chunk, Emitter


def emit_matmul(emitter: Emitter, kernel: MatMulKernel) -> None:
    """Emit loads and matmuls, weights outermost; rows in groups where the vector engine or DRAM is on the other end.

    When operands stream from DRAM, the loop order that moves fewer bytes is taken: weights once and rows again for
    every weight chunk, or rows once and weights again for every group of rows.
    """
    load_constants(emitter)
    emitter.moments.take(kernel)
    if any(emitter.is_streamed(name) for name in (kernel.a, kernel.residual, kernel.out) if name):
        _emit_streamed(emitter, kernel)
        return
    strips = _strips(emitter, kernel)
    fine, coarse = (_runs(emitter, kernel, pieces) for pieces in (emitter.row_groups, 1))
    stored_by_rows = kernel.out in emitter.plan.outputs and kernel.drain == TOKEN
    _stage_operands(emitter, kernel, rest=False)
    for strip in strips:
        chunk = _load(emitter, kernel, strip)
        if strip is strips[0]:
            _stage_operands(emitter, kernel, rest=True)
        entering = strip is strips[0] and emitter.comes_from_lanes(kernel.a)
        leaving = strip is strips[-1] and emitter.feeds_lanes(kernel.out)
        for first, count in fine if entering or leaving else coarse:
            _issue(emitter, kernel, chunk, _Part(first, count, strip))
            if strip is strips[-1] and stored_by_rows:
                emitter.stage_out(kernel.out, first, count)
    if not stored_by_rows:
        emitter.store_results([kernel.out])


@dataclass(frozen=True)
class _Strip:
    """Column tiles whose weights are loaded together: first tile, tiles, first channel, and the group they are of."""

    first_tile: int
    tiles: int
    channel: int
    group: int = 0


@dataclass(frozen=True)
class _Part:
    """Row-blocks and columns of one instruction.

    ``piece`` alternates streaming places; in a ``narrow`` one, streamed results and residuals hold these columns only.
    """

    first: int
    count: int
    strip: _Strip
    piece: int = 0
    narrow: bool = False


def _runs(emitter: Emitter, kernel: MatMulKernel, pieces: int) -> list[tuple[int, int]]:
    blocks = ceil_div(kernel.tokens, emitter.arch.array.side)
    return runs(kernel.frames, blocks, pieces, by_frame=by_frame(emitter.plan, kernel))


def _strips(emitter: Emitter, kernel: MatMulKernel) -> list[_Strip]:
    """Column tiles chunk by chunk; none crosses from one group of a convolution to the next."""
    if kernel.b:
        return [_Strip(0, kernel.n_tiles, 0)]
    side = emitter.arch.array.side
    tiles = kernel.n_tiles // kernel.groups
    sizes = chunk_sizes(emitter, tiles, kernel.tile_bytes(emitter.arch))
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    return [
        _Strip(group * tiles + start, size, group * (kernel.n // kernel.groups) + start * side, group)
        for group in range(kernel.groups)
        for start, size in zip(starts, sizes, strict=True)
    ]


def _stage_operands(emitter: Emitter, kernel: MatMulKernel, *, rest: bool) -> None:
    """Load DRAM operands in groups of rows: the first group ahead of the weights, the rest behind them."""
    for name in dict.fromkeys((kernel.a, kernel.b, kernel.residual)):
        if not name or not emitter.in_dram(name):
            continue
        pieces = 1 if name == kernel.b else emitter.row_groups
        groups = runs(1, staged_blocks(emitter.plan, kernel, name), pieces, by_frame=False)
        for first, count in groups[1:] if rest else groups[:1]:
            emitter.stage_in(name, first, count)


def _load(emitter: Emitter, kernel: MatMulKernel, strip: _Strip) -> Chunk | None:
    if kernel.b:
        return None
    tile_bytes = kernel.tile_bytes(emitter.arch)
    return load_weights(emitter, f"{kernel.node}.weights", strip.first_tile, strip.tiles, tile_bytes, kernel.n_tiles)


def _issue(emitter: Emitter, kernel: MatMulKernel, chunk: Chunk | None, part: _Part) -> None:
    strip, arch = part.strip, emitter.arch
    side, out = arch.array.side, emitter.tensor(kernel.out)
    b, b_step = _second_operand(emitter, kernel, part)
    out_address, out_step = _columns(emitter, kernel.out, part)
    residual, residual_step = _columns(emitter, kernel.residual, part)
    own, _ = emitter.rows(kernel.a).needed(part.first, part.count)
    group = emitter.tensor(kernel.a).channels // kernel.groups * strip.group
    end = min(strip.channel + strip.tiles * side, kernel.n // kernel.groups * (strip.group + 1))
    moments = emitter.moments.place(kernel, part.first)
    emitter.issue(
        MatMul(
            layer=kernel.label,
            a=emitter.address(kernel.a, own, part.piece) + emitter.tensor(kernel.a).channel_words(arch, group),
            weight=chunk.address if chunk else NOWHERE,
            b=b,
            out=out_address,
            residual=residual,
            parameters=emitter.parameters.address + strip.channel if emitter.parameters else NOWHERE,
            table=emitter.table.address if emitter.table else NOWHERE,
            a_step=emitter.tensor(kernel.a).row_block_words(arch),
            b_step=b_step,
            out_step=out_step,
            residual_step=residual_step,
            row_blocks=part.count,
            tokens=valid_tokens(kernel.tokens, side, part.first, part.count),
            k=kernel.k,
            # Heads padded to whole tiles may have tiles behind the last channel.
            n=max(0, end - strip.channel) or strip.tiles * side,
            n_tiles=strip.tiles,
            activation=kernel.activation,
            drain=kernel.drain,
            out_bytes=out.element_bytes,
            moments=moments,
            begins_moments=moments >= 0 and strip.channel == 0,
        ),
        reads=_reads(emitter, kernel, part),
        writes=[_rows(emitter, kernel.out, part)],
        after=emitter.moments.free(kernel, part.first, part.count),
        chunks=[chunk, emitter.parameters, emitter.table],
    )


def _second_operand(emitter: Emitter, kernel: MatMulKernel, part: _Part) -> tuple[int, int]:
    """Address and tile step of a channel-lane B; every frame has its own rows."""
    if not kernel.b:
        return NOWHERE, 0
    b = emitter.tensor(kernel.b)
    return emitter.address(kernel.b, _frame_rows(emitter, kernel, part)[0]), b.tile_words()


def _frame_rows(emitter: Emitter, kernel: MatMulKernel, part: _Part) -> tuple[int, int]:
    """Row-blocks (first, count) of B that belong to the frame of a part."""
    b, side = emitter.tensor(kernel.b), emitter.arch.array.side
    blocks = ceil_div(b.tokens, side)
    frame = part.first // ceil_div(kernel.tokens, side) if b.frames > 1 else 0
    return frame * blocks, blocks


def _columns(emitter: Emitter, name: str, part: _Part) -> tuple[int, int]:
    """Address of a part's rows and columns in the result or the residual, and the step to the next rows."""
    if not name:
        return NOWHERE, 0
    tensor, arch = emitter.tensor(name), emitter.arch
    own, _ = emitter.rows(name).needed(part.first, part.count)
    address = emitter.address(name, own, part.piece)
    if tensor.layout != TOKEN:
        before = turns(arch).place(part.strip.channel // arch.array.side)
        return address + before * tensor.tile_words(), tensor.tile_words()
    if part.narrow and emitter.is_streamed(name):
        return address, plane_words(part.strip.tiles * arch.array.side, arch) * tensor.element_bytes
    return address + tensor.channel_words(arch, part.strip.channel), tensor.row_block_words(arch)


def _reads(emitter: Emitter, kernel: MatMulKernel, part: _Part) -> list[Access]:
    reads = [_rows(emitter, name, part) for name in (kernel.a, kernel.residual) if name]
    if kernel.b:
        reads.append(emitter.access(kernel.b, *_frame_rows(emitter, kernel, part)))
    return reads


def _rows(emitter: Emitter, name: str, part: _Part) -> Access:
    """Access to the rows of an operand, or of the result, that a part needs."""
    own, count = emitter.rows(name).needed(part.first, part.count)
    return emitter.access(name, 0 if emitter.is_streamed(name) else own, count, part.piece)


# -- streaming -----------------------------------------------------------------------------------------------------
def _emit_streamed(emitter: Emitter, kernel: MatMulKernel) -> None:
    emitter.stage_whole(t for t in (kernel.a, kernel.b, kernel.residual) if t)
    groups = _runs(emitter, kernel, emitter.plan.groups.get(emitter.at, 1))
    strips = _strips(emitter, kernel)
    if _rows_outermost(emitter, kernel, len(groups), len(strips)):
        _rows_first(emitter, kernel, groups, strips)
    else:
        _weights_first(emitter, kernel, groups, strips)


def _rows_outermost(emitter: Emitter, kernel: MatMulKernel, groups: int, chunks: int) -> bool:
    """Whether loading rows once moves fewer bytes than loading weights once."""
    if kernel.groups > 1:
        return True  # groups of channels need not fill whole tiles, so a strip of columns is no run of bytes
    weights = 0 if kernel.b else kernel.n_tiles * kernel.tile_bytes(emitter.arch)
    rows = emitter.tensor(kernel.a).dram_bytes(emitter.arch) if emitter.is_streamed(kernel.a) else 0
    return weights * groups + rows <= weights + rows * chunks


def _rows_first(emitter: Emitter, kernel: MatMulKernel, groups: list[tuple[int, int]], strips: list[_Strip]) -> None:
    for piece, (first, count) in enumerate(groups):
        for name in dict.fromkeys((kernel.a, kernel.residual)):
            _stream_in(emitter, name, first, count, piece)
        for strip in strips:
            _issue(emitter, kernel, _load(emitter, kernel, strip), _Part(first, count, strip, piece))
        if emitter.is_streamed(kernel.out):
            emitter.stage_out(kernel.out, first, count, piece)
    emitter.store_results([kernel.out])


def _weights_first(emitter: Emitter, kernel: MatMulKernel, groups: list[tuple[int, int]], strips: list[_Strip]) -> None:
    piece = 0
    for strip in strips:
        chunk = _load(emitter, kernel, strip)
        for first, count in groups:
            part = _Part(first, count, strip, piece, narrow=True)
            _stream_in(emitter, kernel.a, first, count, piece)
            if kernel.residual and emitter.is_streamed(kernel.residual):
                _stream_columns(emitter, kernel.residual, part, into=True)
            _issue(emitter, kernel, chunk, part)
            if emitter.is_streamed(kernel.out):
                _stream_columns(emitter, kernel.out, part, into=False)
            piece += 1
    emitter.store_results([kernel.out])


def _stream_columns(emitter: Emitter, name: str, part: _Part, *, into: bool) -> None:
    """Move the columns of a part: a run of bytes in each of its row-blocks."""
    columns = part.strip.tiles * emitter.arch.array.side
    many = min(columns, emitter.tensor(name).channels - part.strip.channel)
    rows = emitter.rows(name).needed(part.first, part.count)
    emitter.stage_channels(name, (part.strip.channel, many), rows, part.piece, into=into)


def _stream_in(emitter: Emitter, name: str, first: int, count: int, piece: int) -> None:
    """Load the rows of a streamed operand that a run of output row-blocks needs."""
    if not name or not emitter.is_streamed(name):
        return
    emitter.stage_in(name, *emitter.rows(name).needed(first, count), piece)
