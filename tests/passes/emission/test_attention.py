"""Instructions of attention: heads, streams, the logit buffer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.networks import Net
from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, AttentionLogits
from vitaccel.ir.ops import Attention as AttentionOp
from vitaccel.ir.plan import Plan
from vitaccel.ir.program import Attention, Program

Run = Callable[..., list[tuple[Plan, Program]]]
SIZES = tuple(range(20 << 10, 2 << 10, -3 << 10))


def attention(frames: int, heads: int, width: int, *, reuse: str = "", residual: bool = False) -> Graph:
    net = Net(frames, 30, 12)
    x = net.norm(net.linear(net.x, 12))
    stream = net.norm(net.x) if residual else ""
    logits = net.op(AttentionLogits(heads=heads), net.linear(x, width), net.linear(x, width))
    out = net.op(AttentionOp(), logits, net.linear(x, 12 if residual else width))
    outputs = [net.op(Add(), stream, out) if residual else net.linear(out, 12)]
    if reuse:
        outputs.append(net.linear(net.op(AttentionOp(reuse=reuse), logits, net.linear(x, width)), 12))
    return net.done(*outputs)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize(("heads", "width"), [(1, 8), (3, 18), (5, 40), (6, 48), (4, 12)])
def test_all_heads_are_done_once(frames: int, heads: int, width: int, run_everywhere: Run) -> None:
    ran = run_everywhere(attention(frames, heads, width), sizes=SIZES)
    for plan, program in ran:
        issued = [i for i in program.instructions if isinstance(i, Attention)]
        assert sum(i.heads for i in issued) == heads
        assert all(i.heads % plan.arch.array.count == 0 for i in issued[:-1])
        assert {(i.queries, i.keys, i.frames, i.head_dim) for i in issued} == {(30, 30, frames, width // heads)}
    if heads > 4 and frames > 1:
        pieces = {sum(isinstance(i, Attention) for i in program.instructions) for _, program in ran}
        assert len(pieces) > 1, "no machine streamed"


@pytest.mark.parametrize("reuse", ["post_softmax_T", "pre_softmax_T", "head_mean_T"])
@pytest.mark.parametrize("heads", [2, 3])
def test_kept_logits_survive_until_they_are_reused(reuse: str, heads: int, run_everywhere: Run) -> None:
    run_everywhere(attention(1, heads, 24, reuse=reuse), ("64", "4x4", "4x4x4"), SIZES)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_residual_is_added_head_by_head(frames: int, run_everywhere: Run) -> None:
    ran = run_everywhere(attention(frames, 3, 24, residual=True), ("64", "4x4"), SIZES)
    fused = [i for _, program in ran for i in program.instructions if isinstance(i, Attention) and i.residual >= 0]
    assert len(fused) == len(ran) or len(fused) > len(ran)


@pytest.mark.parametrize(("logit_bytes", "in_flight"), [(1920, 2), (1919, 1), (1024, 1)])
def test_the_logit_buffer_says_how_many_row_blocks_are_in_flight(
    logit_bytes: int, in_flight: int, lower: Callable[..., tuple[Plan, Program]]
) -> None:
    arch = Arch().with_settings({"buffers.logit_bytes": str(logit_bytes)}).with_pe("2x8x8")
    _, program = lower(attention(1, 2, 16), arch)
    assert {i.in_flight for i in program.instructions if isinstance(i, Attention)} == {in_flight}


def test_a_logit_buffer_that_holds_no_row_block_is_refused(lower: Callable[..., tuple[Plan, Program]]) -> None:
    arch = Arch().with_settings({"buffers.logit_bytes": "1024"}).with_pe("3x8x8")
    with pytest.raises(CapacityError, match=r"a row-block of logits to 30 keys takes 1440 bytes .* is 1024; raise it"):
        lower(attention(1, 2, 16), arch)
