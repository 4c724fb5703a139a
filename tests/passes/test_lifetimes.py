"""What holds words of the activation buffer, and when."""

from __future__ import annotations

from dataclasses import replace

from tests.passes.conftest import machine_with
from vitaccel.ir.plan import CHANNEL, LaneKernel, MoeKernel, Plan, Tensor
from vitaccel.passes.lifetimes import Item, finest, idle, lifetimes, piece_words, spill_idle, streams, words_at

NAMES = {"node": "n", "op": "f"}


def plan() -> Plan:
    """A stream s that waits while x is made and experts run on it; y takes its place at the end."""
    made = Plan("p", machine_with())
    for name in "sxlgheyz":
        made.tensors[name] = Tensor(name=name, frames=1, tokens=20, channels=8, element_bytes=2)
    made.tensors["x"] = replace(made.tensors["x"], layout=CHANNEL, element_bytes=1)
    common = NAMES | {"tokens": 20}
    made.kernels = [
        LaneKernel(label="s", out="s", function="f", operands=(), **common),
        LaneKernel(label="x", out="x", function="f", operands=("s",), **common),
        LaneKernel(label="l", out="l", function="f", operands=("x",), **common),
        MoeKernel(label="y", out="y", x="x", logits="l", residual="s", staging=("g", "h", "e"), **common),
        LaneKernel(label="z", out="z", function="f", operands=("y",), **common),
    ]
    return made


def test_a_residual_nobody_reads_again_hands_its_place_on() -> None:
    items, shared = lifetimes(plan())
    assert shared == {"y": "s"}
    spans = {item.tensor: (item.first, item.last) for item in items}
    assert spans == {"s": (0, 4), "x": (1, 3), "l": (2, 3), "g": (3, 3), "h": (3, 3), "e": (3, 3), "z": (4, 4)}
    assert words_at(items, 0) == 3 * 8 * 2
    assert words_at(items, 2) == 3 * 8 * 2 + 24 + 3 * 8 * 2


def test_idle_is_what_a_kernel_does_not_touch() -> None:
    made = plan()
    items, _ = lifetimes(made)
    assert {item.tensor for item in idle(made, items, 2)} == {"s"}
    assert idle(made, items, 3) == []
    emptied = spill_idle(made, 2)
    assert emptied.tensors["s"].home == "dram"
    assert made.tensors["s"].home == "chip"
    assert spill_idle(made, 3) is made


def test_experts_in_groups_stage_rows_of_a_group_and_load_the_residual_where_the_sum_is_to_be() -> None:
    made = plan()
    made.groups[3] = 3
    for name in "sxly":
        made.tensors[name] = replace(made.tensors[name], home="dram")
    items, _ = lifetimes(made)
    staged = [item for item in items if item.kernel == 3]
    assert {(item.tensor, item.part, item.words) for item in staged} == {
        *(("x", part, 8) for part in (0, 1)),
        *((name, part, 16) for name in "ly" for part in (0, 1)),
    }
    made.groups.clear()
    whole = [item for item in lifetimes(made)[0] if item.kernel == 3]
    assert whole == [Item(n, w, 3, 3, 3) for n, w in (("x", 24), ("l", 48), ("s", 48), ("y", 48))]


def test_rows_of_x_leave_in_runs_when_experts_take_them_in_groups() -> None:
    made = plan()
    maker = made.kernels[1]
    assert not streams(made, maker, made.tensors["x"])
    made.groups[3] = 2
    assert streams(made, maker, made.tensors["x"])
    assert piece_words(made, maker, made.tensors["x"], 3) == 8
    assert streams(made, made.kernels[3], made.tensors["x"])
    assert not streams(made, made.kernels[3], made.tensors["g"])


def test_a_capacity_allows_one_group() -> None:
    made = plan()
    kernel = made.kernels[3]
    assert isinstance(kernel, MoeKernel)
    assert finest(made, kernel) == finest(made, made.kernels[0]) == 3
    assert finest(made, replace(kernel, capacity=5)) == 1
