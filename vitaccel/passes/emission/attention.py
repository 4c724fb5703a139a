"""Instructions of attention."""

from __future__ import annotations

from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.plan import LOGIT_BYTES, AttentionKernel, head_channels, heads_per_round
from vitaccel.ir.program import Attention
from vitaccel.passes.emission.emitter import Emitter


def emit_attention(emitter: Emitter, kernel: AttentionKernel) -> None:
    """Emit one instruction for all heads, or one per round of heads when queries, keys and values stream from DRAM."""
    operands = [t for t in kernel.reads if t]
    emitter.stage_whole(operands)
    streamed = [t for t in (*operands, *kernel.writes) if emitter.is_streamed(t)]
    if not streamed:
        _issue(emitter, kernel, kernel.heads, 0)
        emitter.store_results(kernel.writes)
        return
    per_round = heads_per_round(kernel, emitter.arch, emitter.plan.groups.get(emitter.at, 1))
    for piece, first in enumerate(range(0, kernel.heads, per_round)):
        heads = min(per_round, kernel.heads - first)
        for name in dict.fromkeys(t for t in operands if emitter.is_streamed(t)):
            _stage(emitter, kernel, name, (first, heads), piece, into=True)
        _issue(emitter, kernel, heads, piece)
        for name in kernel.writes:
            if emitter.is_streamed(name):
                _stage(emitter, kernel, name, (first, heads), piece, into=False)
    emitter.store_results(kernel.writes)


def _issue(emitter: Emitter, kernel: AttentionKernel, heads: int, piece: int) -> None:
    logits = kernel.logits
    emitter.issue(
        Attention(
            layer=kernel.label,
            q=emitter.address(kernel.q, 0, piece),
            k=emitter.address(kernel.k, 0, piece),
            v=emitter.address(kernel.v, 0, piece),
            logits=emitter.address(logits, 0, piece),
            mask=emitter.address(kernel.mask),
            residual=emitter.address(kernel.residual, 0, piece),
            out=emitter.address(kernel.out, 0, piece),
            mode=kernel.mode,
            frames=kernel.frames,
            heads=heads,
            head_dim=kernel.head_dim,
            value_dim=kernel.value_dim,
            queries=kernel.queries,
            keys=kernel.keys,
            in_flight=_row_blocks_in_flight(kernel, emitter.arch) if kernel.mode == "none" else 2,
        ),
        reads=[emitter.access(t, piece=piece) for t in kernel.reads],
        writes=[emitter.access(t, piece=piece) for t in kernel.writes],
    )


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


def _stage(
    emitter: Emitter, kernel: AttentionKernel, name: str, run: tuple[int, int], piece: int, *, into: bool
) -> None:
    """Move the channels of a run of heads (first, count)."""
    width = head_channels(kernel, emitter.tensor(name))
    channels = run[0] * width, run[1] * width
    emitter.stage_channels(name, channels, (0, emitter.row_blocks(name)), piece, into=into)
