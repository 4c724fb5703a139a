"""What a prediction says: records that add up, and the definitions of what is derived from them."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import (
    Actions,
    Additive,
    AtClock,
    Busy,
    Cycles,
    EnergyParts,
    LayerCost,
    Prediction,
    Traffic,
)
from vitaccel_rtl.synthesis.devices import DEVICES

RECORDS = (Cycles, Busy, Traffic, Actions, EnergyParts)


def layer(name: str, op: str = "linear", **parts: Any) -> LayerCost:
    given_parts = {kind.__name__.lower(): kind() for kind in (Cycles, Busy, Traffic, Actions)}
    return LayerCost(name, op, **{**given_parts, "energy": EnergyParts(), **parts})


def prediction(*layers: LayerCost, **facts: Any) -> Prediction:
    """Return 1000 cycles of an 8x8 array at 200 MHz: 5 microseconds."""
    shown = {"input_shapes": {"image": (3, 3, 8, 8)}, "arch": Arch(), "params": 7, "macs_dense": 9, "macs_exported": 9}
    return Prediction("m", **{**shown, **facts}, layers=layers, timeline=(), occupancy=())


TWO = (
    layer(
        "block0.attn.q",
        cycles=Cycles(array=500, load=100),
        busy=Busy(load=300, compute=500, vector=50, store=20),
        traffic=Traffic(weight=1000, input=200),
        actions=Actions(macs=16000, mac_slots=32000),
        energy=EnergyParts(mac_pj=1.0, lane_pj=2.0, sram_pj=4.0, dram_pj=8.0, static_pj=16.0),
    ),
    layer(
        "head",
        cycles=Cycles(array=250, drain=100, vector=30, store=20),
        busy=Busy(load=10, compute=250, vector=100, store=500),
        traffic=Traffic(constant=30, output=20, spill=50),
        actions=Actions(macs=8000, mac_slots=16000),
        energy=EnergyParts(static_pj=32.0),
    ),
)


@pytest.mark.parametrize("record", RECORDS)
@given(st.lists(st.lists(st.integers(0, 10**9), min_size=7, max_size=7), max_size=4))
def test_records_add_field_by_field(record: type[Additive], numbers: list[list[int]]) -> None:
    width = len(fields(record))
    made = [record(*row[:width]) for row in numbers]
    columns = [sum(row[at] for row in numbers) for at in range(width)]
    assert astuple(record.total(made)) == tuple(columns)
    assert record.total(iter(made)) == record.total(made)
    added = record()
    for each in made:
        added += each
    assert added == record.total(made)


def test_totals_of_a_record_are_the_sums_of_its_fields() -> None:
    assert Cycles(1, 2, 4, 8, 16).elapsed == 31
    assert Traffic(1, 2, 4, 8, 16).total_bytes == 31
    assert EnergyParts(1e12, 2e12, 4e12, 8e12, 16e12).total_j == pytest.approx(31.0, rel=1e-15)


def test_totals_of_a_network_are_the_sums_of_its_layers() -> None:
    network = prediction(*TWO)
    assert network.cycles == Cycles(array=750, drain=100, load=100, vector=30, store=20)
    assert network.cycles.elapsed == sum(each.cycles.elapsed for each in TWO) == 1000
    assert network.busy == Busy(load=310, compute=750, vector=150, store=520)
    assert network.traffic == Traffic(weight=1000, constant=30, input=200, output=20, spill=50)
    assert network.actions == Actions(macs=24000, mac_slots=48000)
    assert network.energy == EnergyParts(1.0, 2.0, 4.0, 8.0, 48.0)


def test_what_is_derived() -> None:
    network = prediction(*TWO)
    assert network.latency_s == pytest.approx(1000 / 200e6)
    assert network.frames == 3
    assert network.fps == pytest.approx(3 / 5e-6)
    assert network.utilization == pytest.approx(24000 / (1000 * 64))
    assert network.gops == pytest.approx(2 * 24000 / 5e-6 / 1e9)
    assert network.bandwidth_bytes_per_s == pytest.approx(1300 / 5e-6)


@pytest.mark.parametrize(("mhz", "found"), [(50.0, AtClock(50e6, 20e-6, 150e3)), (200.0, None), (None, None)])
def test_the_same_cycles_at_the_clock_that_is_predicted(mhz: float | None, found: AtClock | None) -> None:
    assert prediction(*TWO).at_predicted_clock is None
    use = DeviceUse(device=DEVICES["ecp5-85k"], blocks={}, frequency_mhz=mhz)
    slower = prediction(*TWO, use=use).at_predicted_clock
    assert (slower is None) is (found is None)
    if slower is not None and found is not None:
        assert astuple(slower) == pytest.approx(astuple(found))


def test_utilization_counts_the_pes_of_all_arrays() -> None:
    assert prediction(*TWO, arch=Arch().with_pe("3x16x16")).utilization == pytest.approx(24000 / (1000 * 768))


@pytest.mark.parametrize(
    ("busy", "bottleneck", "memory"),
    [
        (Busy(load=5, compute=9, vector=8, store=5), "compute", 5),  # two directions at once: not 10
        (Busy(load=7, compute=2, vector=3, store=5), "memory", 7),
        (Busy(load=5, compute=2, vector=3, store=7), "memory", 7),
        (Busy(load=5, compute=2, vector=9, store=7), "vector", 7),
    ],
)
def test_the_bottleneck_is_what_is_occupied_longest(busy: Busy, bottleneck: str, memory: int) -> None:
    network = prediction(layer("a", busy=busy))
    assert network.occupied == {"compute": busy.compute, "memory": memory, "vector": busy.vector}
    assert network.bottleneck == bottleneck


@pytest.mark.parametrize(
    ("shapes", "frames"), [({}, 1), ({"x": ()}, 1), ({"x": (4, 3)}, 4), ({"x": (2, 3, 8, 8), "task": (1,)}, 2)]
)
def test_frames_are_the_first_axis_of_the_first_input(shapes: dict[str, tuple[int, ...]], frames: int) -> None:
    assert prediction(input_shapes=shapes).frames == frames


def test_a_network_of_nothing_divides_by_nothing() -> None:
    empty = prediction()
    assert (empty.latency_s, empty.fps, empty.utilization, empty.gops, empty.bandwidth_bytes_per_s) == (0, 0, 0, 0, 0)


def test_a_block_is_the_name_up_to_the_first_dot() -> None:
    assert [each.block for each in TWO] == ["block0", "head"]


def test_records_are_frozen_and_compare_by_value() -> None:
    assert prediction(*TWO) == prediction(*TWO)
    assert prediction(*TWO) != prediction(TWO[0], replace(TWO[1], name="tail"))
    with pytest.raises(AttributeError):
        TWO[0].name = "other"  # type: ignore[misc]
