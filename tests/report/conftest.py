"""Hand-made predictions: small enough to check by eye, with every kind of cycle, byte and limit in them."""

from __future__ import annotations

import dataclasses

import pytest

from vitaccel.arch import Arch, Buffers, Energy, Memory, PeArrays
from vitaccel.backends.cost_model.mac_slots import MacSlots
from vitaccel.backends.cost_model.result import (
    Actions,
    Busy,
    Cycles,
    EnergyParts,
    Event,
    ExpertLoad,
    LayerCost,
    Occupancy,
    Prediction,
    Traffic,
)

LAYERS = (
    LayerCost(
        name="embed",
        op="linear",
        cycles=Cycles(array=1000, drain=10, load=90),
        busy=Busy(load=500, compute=1000),
        traffic=Traffic(weight=4000, input=600),
        actions=Actions(macs=57600, mac_slots=64000, lane_operations=640, activation_bytes=900, weight_bytes=8000),
        energy=EnergyParts(mac_pj=19200.0, lane_pj=2176.0, sram_pj=22250.0, dram_pj=747500.0),
        slots=MacSlots(useful=57600, tokens=4000, channels=2400, drain=640, load=5760),
    ),
    LayerCost(
        name="block0.norm1",
        op="layer_norm",
        cycles=Cycles(vector=300),
        busy=Busy(vector=310),
        traffic=Traffic(),
        actions=Actions(lane_operations=2048, activation_bytes=4096),
        energy=EnergyParts(lane_pj=6963.2, sram_pj=10240.0),
        slots=MacSlots(layernorm=19200),
    ),
    LayerCost(
        name="block0.mlp.fc1",
        op="linear",
        cycles=Cycles(array=2000, drain=24, load=1200, store=76),
        busy=Busy(load=3000, compute=2100, store=80),
        traffic=Traffic(weight=48000, constant=256, spill=1200),
        actions=Actions(macs=128000, mac_slots=128000, lane_operations=2000, activation_bytes=4000, weight_bytes=16000),
        energy=EnergyParts(mac_pj=38400.0, lane_pj=6800.0, sram_pj=50000.0, dram_pj=8036900.0, static_pj=100.0),
        slots=MacSlots(useful=128000, drain=1536, load=76000, program=800, store=4864),
    ),
    LayerCost(
        name="head",
        op="linear",
        cycles=Cycles(array=200, drain=50, load=40, store=10),
        busy=Busy(load=250, compute=250, store=10),
        traffic=Traffic(weight=3200, output=40),
        actions=Actions(macs=6400, mac_slots=12800, lane_operations=100, activation_bytes=128, weight_bytes=1600),
        energy=EnergyParts(mac_pj=3840.0, lane_pj=340.0, sram_pj=4320.0, dram_pj=526500.0),
        slots=MacSlots(useful=6400, frames=6400, drain=3200, load=2560, store=640),
    ),
)

TIMELINE = (
    Event("load", "load", "embed", 0, 90, 154),
    Event("compute", "matmul", "embed", 154, 1010, 1176),
    Event("load", "load", "embed", 90, 410, 564),
    Event("vector", "lane", "block0.norm1", 1176, 310, 1490),
    Event("load", "load", "block0.mlp.fc1", 564, 3000, 3600),
    Event("compute", "matmul", "block0.mlp.fc1", 1490, 2100, 3700),
    Event("store", "store", "block0.mlp.fc1", 3700, 80, 3800),
    Event("load", "load", "head", 3564, 250, 3900),
    Event("compute", "matmul", "head", 4400, 250, 4700),
    Event("store", "store", "head", 4690, 10, 5000),
)

OCCUPANCY = (Occupancy(0, 4096), Occupancy(1176, 20480), Occupancy(3700, 8192), Occupancy(5000, 0))


MACHINE = Arch(
    name="default",
    frequency_hz=200e6,
    array=PeArrays(side=8),
    memory=Memory(bus_bits=128),
    buffers=Buffers(activation_bytes=1 << 20, weight_bytes=1 << 17, logit_bytes=1 << 16),
    energy=Energy(source="made up for this test"),
)


def make_prediction() -> Prediction:
    """Return a four-layer network of 5000 cycles on the default machine."""
    return Prediction(
        model="tiny",
        input_shapes={"image": (2, 3, 16, 16)},
        arch=MACHINE,
        params=55200,
        macs_dense=192000,
        macs_exported=192000,
        layers=LAYERS,
        timeline=TIMELINE,
        occupancy=OCCUPANCY,
        instructions=len(TIMELINE),
    )


@pytest.fixture
def prediction() -> Prediction:
    return make_prediction()


@pytest.fixture
def moe_prediction() -> Prediction:
    """Return the same network with experts, a broken device limit and a memory that is slower than its ports."""
    arch = MACHINE.with_pe("3x16x16").with_settings({"memory.peak_bytes_per_s": "1.6e9", "limits.multipliers": "500"})
    return dataclasses.replace(
        make_prediction(),
        model="tiny-moe",
        arch=arch,
        macs_dense=960000,
        macs_exported=960000,
        routing="uniform",
        experts=(ExpertLoad("block0.mlp.fc1", (3, 5, 4)),),
        cycles_by_routing={"uniform": 5000, "worst": 6000},
        exceeded=arch.exceeded_limits(),
    )
