"""The Plan: what kernels read and write, who gets how many rows, where kernels are cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitaccel.arch import PARAMETER_BYTES, Arch
from vitaccel.ir.plan import (
    AttentionKernel,
    Kernel,
    LaneKernel,
    MatMulKernel,
    MoeKernel,
    Place,
    Plan,
    Tensor,
    by_frame,
    channels_of_heads,
    heads_per_round,
    kernel_writes,
    operand_rows,
    staged_blocks,
)
from vitaccel.ir.rows import Window


def test_text() -> None:
    tensor = Tensor(name="x", frames=1, tokens=5, channels=4, element_bytes=2, home="dram")
    assert str(tensor) == "x : int16[1x5x4] token-lane in dram"
    plan = Plan("p", Arch(), tensors={"x": replace(tensor, home="chip")}, outputs=["x"])
    plan.places["x"] = Place("x", 16, 8, 0, 1)
    plan.kernels.append(LaneKernel(label="copy", node="n", op="copy", out="x", function="copy", operands=(), macs=3))
    assert str(plan) == (
        "plan p on 8x8 PEs\n  tensor x : int16[1x5x4] token-lane at 16+8\n  copy: x = copy()  # 3 MACs\n  return x\n"
    )


@pytest.mark.parametrize(("bits", "weights"), [(8, 100 * 8), (4, 100 * 4)])
def test_a_weight_tile_is_k_words_and_p_sets_of_parameters(bits: int, weights: int) -> None:
    kernel = MatMulKernel(label="", node="", op="", out="", a="", k=100)
    arch = Arch().with_settings({"numerics.weight_bits": str(bits)})
    assert kernel.tile_bytes(arch) == weights + 8 * PARAMETER_BYTES


def test_reads_and_writes() -> None:
    with pytest.raises(NotImplementedError):
        Kernel(label="", node="", op="", out="y").reads  # noqa: B018
    common = {"label": "", "node": "", "op": "", "out": "y"}
    assert MatMulKernel(**common, a="a", b="b", residual="r").reads == ("a", "b", "r")
    first = AttentionKernel(**common, q="q", k="k", v="v", logits="l", mask="m")
    assert (first.reads, kernel_writes(first)) == (("q", "k", "v", "m"), ("y", "l"))
    reuse = AttentionKernel(**common, v="v", logits="l", mode="post_softmax_T")
    assert (reuse.reads, kernel_writes(reuse)) == (("v", "l"), ("y",))
    moe = MoeKernel(**common, x="x", logits="l", residual="r", staging=("s", "t"))
    assert (moe.reads, kernel_writes(moe)) == (("x", "l", "r"), ("s", "t", "y"))


@pytest.mark.parametrize(("capacity", "rows"), [(0, 30), (7, 7), (99, 30)])
def test_an_expert_gets_at_most_its_capacity(capacity: int, rows: int) -> None:
    kernel = MoeKernel(label="", node="", op="", out="", x="", logits="", frames=3, tokens=10, capacity=capacity)
    assert kernel.max_rows == rows


def test_groups_of_tokens_and_the_weights_each_of_them_loads() -> None:
    kernel = MoeKernel(
        label="", node="", op="", out="", x="", logits="", frames=2, tokens=20, experts=3, width_in=10, hidden=17,
        width_out=10, staging=("g", "h", "e"),
    )  # fmt: skip
    assert kernel.in_flight == 1
    assert kernel.group_tokens(Arch(), 1) == (40,)
    assert kernel.group_tokens(Arch(), 2) == (20, 20)
    assert kernel.token_groups(Arch(), 3) == [(0, 2), (2, 1), (3, 2), (5, 1)]
    assert kernel.group_tokens(Arch(), 3) == (16, 4, 16, 4)
    # Three tiles of 8 columns of depth 10, two of depth 17, each with 8 sets of parameters.
    assert kernel.weight_bytes(Arch()) == 3 * (3 * (10 * 8 + 64) + 2 * (17 * 8 + 64))


@pytest.mark.parametrize(("a", "b", "both"), [((0, 4), (4, 4), False), ((0, 5), (4, 1), True), ((6, 2), (0, 9), True)])
def test_places_overlap_when_they_share_a_word(a: tuple[int, int], b: tuple[int, int], both: bool) -> None:
    places = [Place(name, *span, 0, 0) for name, span in (("a", a), ("b", b))]
    assert places[0].overlaps(places[1]) == places[1].overlaps(places[0]) == both


@pytest.mark.parametrize(("pe", "pieces", "expected"), [("64", 1, 6), ("64", 4, 2), ("64", 6, 1), ("4x8x8", 2, 4)])
def test_heads_stream_in_whole_rounds_of_the_arrays(pe: str, pieces: int, expected: int) -> None:
    kernel = AttentionKernel(label="", node="", op="", out="y", logits="l", heads=6, queries=9)
    arch = Arch().with_pe(pe)
    assert heads_per_round(kernel, arch, pieces) == expected
    logits = Tensor(name="l", frames=1, tokens=5, channels=72, element_bytes=2)
    queries = Tensor(name="q", frames=1, tokens=5, channels=48, element_bytes=1)
    assert channels_of_heads(kernel, logits, 4, 2, arch) == (36, 18)
    assert channels_of_heads(kernel, queries, 4, 2, arch) == (32, 16)
    count = arch.array.count
    by_array = Tensor(name="q", frames=1, tokens=5, channels=8 * -(-6 // count) * count, element_bytes=1, heads=6)
    assert channels_of_heads(kernel, by_array, 4, 2, arch) == (32, 8 * max(2, count))


def matmul_plan(*, frames: int, **shapes: tuple[int, int]) -> tuple[Plan, MatMulKernel]:
    plan = Plan("p", Arch())
    for name, (own, tokens) in {"y": (frames, 20), **shapes}.items():
        plan.tensors[name] = Tensor(name=name, frames=own, tokens=tokens, channels=8, element_bytes=1)
    kernel = MatMulKernel(
        label="", node="", op="", out="y", frames=frames, tokens=20, **{name: name for name in shapes}
    )
    return plan, kernel


@pytest.mark.parametrize(
    ("frames", "shapes", "cut"),
    [
        (1, {"a": (1, 50)}, False),
        (2, {"a": (2, 20)}, False),
        (2, {"a": (2, 20), "residual": (2, 20)}, False),
        (2, {"a": (2, 20), "residual": (1, 20)}, True),
        (2, {"a": (2, 50)}, True),
        (2, {"a": (2, 20), "b": (2, 20)}, True),
    ],
)
def test_kernels_are_cut_at_frames_where_rows_differ(
    frames: int, shapes: dict[str, tuple[int, int]], cut: bool
) -> None:
    assert by_frame(*matmul_plan(frames=frames, **shapes)) == cut


def test_only_the_rows_that_are_read_are_staged() -> None:
    plan, kernel = matmul_plan(frames=1, a=(1, 50))
    one = replace(kernel, tokens=1)
    assert staged_blocks(plan, one, "a") == 1
    window = Window(height=50, width=1, out_width=1, before=-10)
    assert staged_blocks(plan, replace(kernel, window=window), "a") == 4  # tokens 10 to 29 of row-blocks 0 to 3
    assert operand_rows(plan, replace(kernel, window=window), "y").aligned
    lane = LaneKernel(label="", node="", op="", out="y", function="f", operands=("a",), row_wise=False, tokens=20)
    assert staged_blocks(plan, lane, "a") == 7
