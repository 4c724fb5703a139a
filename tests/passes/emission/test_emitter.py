"""What all emitters share: DRAM and transfers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.passes.conftest import machine_with
from vitaccel.arch import Arch
from vitaccel.ir.plan import CHANNEL, LaneKernel, Place, Plan, Tensor
from vitaccel.ir.program import Load, Program, Store
from vitaccel.passes.emission.emitter import DRAM_ALIGNMENT, Emitter

Lower = Callable[..., tuple[Plan, Program]]


def emitter(arch: Arch | None = None, layout: str = "token", frames: int = 2) -> Emitter:
    plan = Plan("p", arch or machine_with())
    plan.tensors["x"] = Tensor(
        name="x", frames=frames, tokens=20, channels=12, element_bytes=2, layout=layout, home="dram"
    )
    plan.kernels = [LaneKernel(label="l", node="n", op="f", out="x", function="f", operands=())]
    plan.staging[0, "x"] = (Place("x", 104, plan.tensors["x"].words(plan.arch), 0, 0),)
    made = Emitter(plan, row_groups=4, weight_chunks=4)
    made.begin(0)
    return made


def test_dram_is_given_out_once_and_aligned() -> None:
    made = emitter()
    assert made.dram("a", 100) == 0
    assert made.dram("b", 1) == 128
    assert made.dram("a", 100) == 0
    assert made.dram("c", 64) == 192
    program = made.finish()
    assert program.dram_bytes == 256
    assert program.dram_map == {"a": (0, 100), "b": (128, 1), "c": (192, 64)}
    assert all(address % DRAM_ALIGNMENT == 0 for address, _ in program.dram_map.values())


def test_rows_are_one_run_of_bytes() -> None:
    made = emitter()
    made.stage_in("x")
    made.stage_in("x", 2, 3)
    whole, part = made.finish().instructions
    assert isinstance(whole, Load)
    assert isinstance(part, Load)
    block = 8 * 12 * 2
    assert (whole.dram, whole.address, whole.total_bytes) == (0, 104, 6 * block)
    assert (part.dram, part.address, part.total_bytes) == (2 * block, 104 + 2 * 32, 3 * block)
    assert (part.rows, part.row_bytes, part.step) == (3 * 2, 8 * 12, 16)
    assert part.traffic == "spill"


def test_channels_are_a_run_of_bytes_in_every_row_block() -> None:
    made = emitter()
    made.stage_channels("x", (4, 8), (1, 3), 0, into=False)
    (store,) = made.finish().instructions
    assert isinstance(store, Store)
    assert (store.rows, store.row_bytes, store.stride_bytes, store.step) == (3 * 2, 8 * 8, 8 * 12, 8)
    assert store.dram == 8 * 12 * 2 + 4 * 8


def test_tiles_of_a_channel_lane_tensor_are_one_run() -> None:
    made = emitter(layout=CHANNEL)
    made.stage_channels("x", (0, 12), (0, 6), 0, into=True)
    (load,) = made.finish().instructions
    assert isinstance(load, Load)
    plane = 2 * 20 * 8
    assert (load.rows, load.row_bytes, load.runs) == (2 * 2, plane, (1, 4 * plane))
    assert (load.step, load.layout, load.element_bytes) == (2 * 20, CHANNEL, 2)


def test_tokens_of_a_channel_lane_tensor_are_a_run_of_bytes_in_every_tile() -> None:
    """Row-blocks 2 and 3 of 20 tokens each: four tokens of the first frame and eight of the second."""
    made = emitter(layout=CHANNEL)
    made.stage_in("x", 2, 2)
    (load,) = made.finish().instructions
    assert isinstance(load, Load)
    plane = 2 * 20 * 8
    assert (load.dram, load.rows, load.row_bytes, load.stride_bytes) == (16 * 8, 2 * 2, 12 * 8, plane)
    assert (load.address, load.step) == (104 + 16, 2 * 20)


def test_a_load_waits_for_the_stores_of_its_bytes() -> None:
    made = emitter()
    for block in range(3):
        made.stage_out("x", block, 1)
    made.stage_in("x", 1, 1)
    made.stage_in("x", 4, 2)
    *_, one, other = made.finish().instructions
    assert one.waits[3] == 2
    # Bytes that nobody stored are not waited for; the load follows its own engine anyway.
    assert other.waits[3] == 0


@pytest.mark.parametrize("model", ["vit", "lookupvit"])
def test_regions_span_the_instructions_that_touch_them(model: str, lower: Lower, arch: Callable[..., Arch]) -> None:
    plan, program = lower(model, arch(activation_bytes=12 << 10))
    assert [r.first for r in program.regions] == sorted(r.first for r in program.regions)
    assert all(0 <= r.first <= r.last < len(program.instructions) for r in program.regions)
    for region in program.regions:
        engines = [program.instructions[at].engine for at in region.touched]
        assert engines[::2] == engines[1::2]
        assert len(set(engines)) * 2 == len(engines)
        assert (region.first, region.last) == (min(region.touched), max(region.touched))
    assert any(len(region.touched) == 4 for region in program.regions)
    places = {*plan.places.values(), *(p for staged in plan.staging.values() for p in staged)}
    assert {(r.tensor, r.address, r.words) for r in program.regions} == {(p.tensor, p.address, p.words) for p in places}
    assert [layer.label for layer in program.layers] == [kernel.label for kernel in plan.kernels]
    assert program.kernel_of == sorted(program.kernel_of)
