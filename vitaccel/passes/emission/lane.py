"""Instructions of the vector engine's streams."""

from __future__ import annotations

from vitaccel.ir.plan import CHANNEL, LaneKernel, by_frame, ceil_div, operand_rows
from vitaccel.ir.program import NOWHERE, Lane
from vitaccel.ir.rows import runs, valid_tokens
from vitaccel.passes.dependencies import Access
from vitaccel.passes.emission.chunks import load_constants
from vitaccel.passes.emission.emitter import Emitter


def emit_lane(emitter: Emitter, kernel: LaneKernel) -> None:
    """Emit one instruction per group of row-blocks for row-wise functions, else one for all (for each joined part)."""
    load_constants(emitter)
    emitter.stage_whole(kernel.operands)
    if kernel.function.startswith("join_"):
        _join(emitter, kernel)
    else:
        streamed = any(emitter.is_streamed(n) for n in (*kernel.operands, kernel.out))
        whole = emitter.row_groups if kernel.row_wise else 1
        pieces = emitter.plan.groups.get(emitter.at, 1) if streamed else whole
        blocks = ceil_div(kernel.tokens, emitter.arch.array.side)
        cut = kernel.row_wise and by_frame(emitter.plan, kernel)
        if kernel.function == "head_mean" and not streamed:
            # A probability needs all keys of its frame.
            pieces, cut = kernel.frames, True
        for piece, (first, count) in enumerate(runs(kernel.frames, blocks, pieces, by_frame=cut)):
            _piece(emitter, kernel, first, count, piece)
    emitter.moments.finish(kernel)
    emitter.store_results([kernel.out])


def _piece(emitter: Emitter, kernel: LaneKernel, first: int, count: int, piece: int) -> None:
    for name in dict.fromkeys(kernel.operands):
        if emitter.is_streamed(name):
            emitter.stage_in(name, *_needed(emitter, kernel, name, first, count), piece)
    a, b = (*kernel.operands, "", "")[:2]
    out, moments = emitter.tensor(kernel.out), emitter.moments.place(kernel, first)
    issued = emitter.issue(
        Lane(
            layer=kernel.label,
            function=kernel.function,
            a=emitter.address(a, _needed(emitter, kernel, a, first, count)[0], piece) if a else NOWHERE,
            b=emitter.address(b, _needed(emitter, kernel, b, first, count)[0], piece) if b else NOWHERE,
            out=emitter.address(kernel.out, first, piece),
            parameters=emitter.parameters.address if emitter.parameters else NOWHERE,
            table=emitter.table.address if emitter.table else NOWHERE,
            a_step=emitter.tensor(a).row_block_words(emitter.arch) if a else 0,
            b_step=emitter.tensor(b).row_block_words(emitter.arch) if b else 0,
            row_blocks=count,
            tokens=valid_tokens(kernel.tokens, emitter.arch.array.side, first, count),
            channels=kernel.channels,
            passes=_passes(kernel, moments),
            element_bytes=emitter.tensor(a or kernel.out).element_bytes,
            out_bytes=out.element_bytes,
            drain=out.layout,
            out_step=_out_step(emitter, kernel, first, count),
            shift=_slice_shift(kernel, emitter.arch.array.side),
            heads=kernel.heads,
            moments=moments,
        ),
        reads=[_access(emitter, kernel, n, first, count, piece) for n in kernel.operands],
        writes=[_access(emitter, kernel, kernel.out, first, count, piece)],
        chunks=[emitter.parameters, emitter.table],
    )
    emitter.moments.note_read(kernel, first, count, issued)
    if emitter.is_streamed(kernel.out):
        emitter.stage_out(kernel.out, first, count, piece)


def _passes(kernel: LaneKernel, moments: int) -> int:
    """How often rows are streamed: by a LayerNorm once where their moments are kept, and twice where not."""
    if kernel.function != "layernorm":
        return kernel.passes
    return 1 if moments >= 0 else 2


def _out_step(emitter: Emitter, kernel: LaneKernel, first: int, count: int) -> int:
    """Words to the next row-block of the result, or to its next tile of channels."""
    out = emitter.tensor(kernel.out)
    if out.layout == CHANNEL:
        return emitter.tile_step(kernel.out, first, count)
    return out.row_block_words(emitter.arch)


def _needed(emitter: Emitter, kernel: LaneKernel, name: str, first: int, count: int) -> tuple[int, int]:
    """Row-blocks of an operand (or of the result) that a run of the kernel's row-blocks needs."""
    if not kernel.row_wise and name != kernel.out:
        return 0, emitter.row_blocks(name)
    return operand_rows(emitter.plan, kernel, name).needed(first, count)


def _access(emitter: Emitter, kernel: LaneKernel, name: str, first: int, count: int, piece: int) -> Access:
    own, many = _needed(emitter, kernel, name, first, count)
    return emitter.access(name, 0 if emitter.is_streamed(name) else own, many, piece)


def _slice_shift(kernel: LaneKernel, side: int) -> int:
    """Lanes by which a slice of tokens moves up: its first token becomes lane 0."""
    if kernel.function not in ("copy", "convert") or kernel.window is None:
        return 0
    return kernel.window.before % -side


def _join(emitter: Emitter, kernel: LaneKernel) -> None:
    """Copy operand after operand: behind each other's tokens, or beside each other's channels."""
    tokens = channels = 0
    side, out = emitter.arch.array.side, emitter.tensor(kernel.out)
    blocks = ceil_div(kernel.tokens, side)
    for name in kernel.operands:
        tensor = emitter.tensor(name)
        own = ceil_div(tensor.tokens, side)
        for frame in range(kernel.frames):
            source = frame * own if tensor.frames > 1 else 0
            first, shift = divmod(tokens, side)
            covered = ceil_div(shift + tensor.tokens, side)
            reads = [emitter.access(name, source, own)]
            if shift:
                # Tokens of the operand before stand in the first row-block's other lanes, and are written again.
                reads.append(emitter.access(kernel.out, frame * blocks + first, 1))
            emitter.issue(
                Lane(
                    layer=kernel.label,
                    function="copy",
                    a=emitter.address(name, source),
                    out=emitter.address(kernel.out, frame * blocks + first) + out.channel_words(emitter.arch, channels),
                    a_step=tensor.row_block_words(emitter.arch),
                    row_blocks=covered,
                    tokens=tensor.tokens,
                    channels=tensor.channels,
                    element_bytes=tensor.element_bytes,
                    out_bytes=out.element_bytes,
                    out_step=out.row_block_words(emitter.arch),
                    out_first=channels,
                    shift=shift,
                ),
                reads=reads,
                writes=[emitter.access(kernel.out, frame * blocks + first, covered)],
            )
        if kernel.function == "join_tokens":
            tokens += tensor.tokens
        else:
            channels += tensor.channels
