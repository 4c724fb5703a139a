"""Instructions of attention."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vitaccel.arch import Arch
from vitaccel.errors import CapacityError, UnsupportedError
from vitaccel.ir.plan import LOGIT_BYTES, TOKEN, AttentionKernel, channels_of_heads, heads_per_round
from vitaccel.ir.program import BY_ARRAY, NOWHERE, Attention
from vitaccel.ir.tensor import turns
from vitaccel.passes.emission.chunks import load_constants
from vitaccel.passes.emission.emitter import Emitter


def emit_attention(emitter: Emitter, kernel: AttentionKernel) -> None:
    """Emit one instruction for all heads, or one per round of heads when queries, keys and values stream from DRAM."""
    load_constants(emitter)
    operands = [t for t in kernel.reads if t]
    emitter.stage_whole(operands)
    streamed = any(emitter.is_streamed(t) for t in (*operands, *kernel.writes))
    pieces = emitter.plan.groups.get(emitter.at, 1) if streamed else 1
    per_round = heads_per_round(kernel, emitter.arch, pieces)
    for piece, first in enumerate(range(0, kernel.heads, per_round)):
        heads = _Heads(first, min(per_round, kernel.heads - first), piece)
        for name in dict.fromkeys(t for t in operands if emitter.is_streamed(t)):
            _stage(emitter, kernel, name, heads, into=True)
        _issue(emitter, kernel, heads)
        for name in kernel.writes:
            if emitter.is_streamed(name):
                _stage(emitter, kernel, name, heads, into=False)
    emitter.store_results(kernel.writes)


@dataclass(frozen=True)
class _Heads:
    """Heads of one instruction; ``piece`` alternates streaming places."""

    first: int
    count: int
    piece: int


def _issue(emitter: Emitter, kernel: AttentionKernel, heads: _Heads) -> None:
    q, k, v, logits, residual, out = (
        _operand(emitter, kernel, name, heads)
        for name in (kernel.q, kernel.k, kernel.v, kernel.logits, kernel.residual, kernel.out)
    )
    assert emitter.parameters is not None
    target = emitter.tensor(kernel.out)
    emitter.issue(
        Attention(
            layer=kernel.label,
            q=q[0],
            k=k[0],
            v=v[0],
            logits=logits[0],
            residual=residual[0],
            parameters=emitter.parameters.address + 2 * heads.first,
            out=out[0],
            q_step=q[1],
            k_step=k[1],
            v_step=v[1],
            logits_step=logits[1],
            residual_step=residual[1],
            out_step=out[1],
            logits_first=logits[2],
            residual_first=residual[2],
            out_first=out[2],
            by_array=" ".join(part for part in BY_ARRAY if _stands_by_array(emitter, kernel, part)),
            mask=emitter.address(kernel.mask),
            mode=kernel.mode,
            frames=kernel.frames,
            heads=heads.count,
            head_dim=kernel.head_dim,
            value_dim=kernel.value_dim,
            queries=kernel.queries,
            keys=kernel.keys,
            in_flight=_row_blocks_in_flight(kernel, emitter.arch) if kernel.mode == "none" else 2,
            drain=target.layout,
            out_bytes=target.element_bytes,
        ),
        reads=[emitter.access(t, piece=heads.piece) for t in kernel.reads],
        writes=[emitter.access(t, piece=heads.piece) for t in kernel.writes],
        chunks=[emitter.parameters],
    )


def _stands_by_array(emitter: Emitter, kernel: AttentionKernel, part: str) -> bool:
    name: str = getattr(kernel, part)
    return bool(name and emitter.tensor(name).heads and emitter.arch.array.count > 1)


def _operand(emitter: Emitter, kernel: AttentionKernel, name: str, heads: _Heads) -> tuple[int, int, int]:
    """Address of the heads' first channel, the step to the next row-block (or tile of channels), and that channel.

    Raises
    ------
    UnsupportedError
        If heads that stream would be written into parts of words.
    """
    if not name:
        return NOWHERE, 0, 0
    tensor, arch = emitter.tensor(name), emitter.arch
    first, many = channels_of_heads(kernel, tensor, heads.first, heads.count, arch)
    address = emitter.address(name, 0, heads.piece)
    if emitter.is_streamed(name):
        tensor, first = replace(tensor, channels=many), 0
    if tensor.layout == TOKEN:
        return address + tensor.channel_words(arch, first), tensor.row_block_words(arch), first
    tile, lane = divmod(first, arch.array.side)
    if lane or tile % turns(arch).round_tiles:
        raise UnsupportedError(
            f"{kernel.label}: heads of {many // heads.count} channels must fill whole tiles, a turn of every array, to "
            "stream; raise buffers.activation_bytes"
        )
    return address + turns(arch).place(tile) * tensor.tile_words(), tensor.tile_words(), 0


def _row_blocks_in_flight(kernel: AttentionKernel, arch: Arch) -> int:
    """Row-blocks of logits the logit buffer holds, two at most.

    Raises
    ------
    CapacityError
        If it cannot hold one.
    """
    row_block = kernel.keys * arch.array.side * LOGIT_BYTES * arch.array.count
    held = arch.buffers.logit_bytes // row_block
    if not held:
        raise CapacityError(
            f"{kernel.label} ({kernel.op}): a row-block of logits to {kernel.keys} keys takes {row_block} bytes and "
            f"buffers.logit_bytes is {arch.buffers.logit_bytes}; "
            f"raise it with --set buffers.logit_bytes={2 * row_block}"
        )
    return min(2, held)


def _stage(emitter: Emitter, kernel: AttentionKernel, name: str, heads: _Heads, *, into: bool) -> None:
    """Move the channels of a run of heads."""
    channels = channels_of_heads(kernel, emitter.tensor(name), heads.first, heads.count, emitter.arch)
    emitter.stage_channels(name, channels, (0, emitter.row_blocks(name)), heads.piece, into=into)
