"""Syntheses made by hand, with every kind of figure in them."""

from __future__ import annotations

from dataclasses import replace

from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.implement import Implementation, Stage
from vitaccel_rtl.synthesis.nextpnr import Timing
from vitaccel_rtl.synthesis.seeds import FailedSeed

PLACED = Implementation(
    name="vitaccel",
    device=DEVICES["ecp5-85k"],
    areas={
        "": Area(luts=8000, flip_flops=4182, multipliers=78, block_rams=52, ram_luts=364),
        "array": Area(luts=5000, flip_flops=4000, multipliers=78),
        "array.row_0": Area(luts=2000, multipliers=39),
        "array.row_1": Area(luts=2091, multipliers=39),
        "array.row_1.pe": Area(luts=50),
        "buffers": Area(luts=2800, block_rams=52, ram_luts=2400),
    },
    timings=(
        Timing(seed=1, frequency_mhz=91.5, start="array.a", end="buffers.b", logic_ns=4.25, routing_ns=6.5),
        Timing(seed=4, frequency_mhz=98.0, start="buffers.c", end="array.d", logic_ns=4.0, routing_ns=6.2),
        Timing(seed=7, frequency_mhz=96.0, start="array.e", end="array.f", logic_ns=4.5, routing_ns=5.9),
    ),
    path=("buffers", "", "array.row_1"),
    stages=(Stage(name="synthesis", seconds=12.4), Stage(name="place and route, seed 1", seconds=80.0)),
    logic_rows=2,
)
"""Placed and routed with three seeds, the second one the fastest."""

FAILED = replace(PLACED, failed_seeds=(FailedSeed(seed=5, sentence="nextpnr-ecp5 must accept it, but says: <no>"),))
"""One more seed gave nothing."""

AREA_ONLY = replace(PLACED, device=DEVICES["xc7"], timings=(), path=(), stages=PLACED.stages[:1], logic_rows=0)
"""On a device that no open tool places."""

TOO_LARGE = replace(
    PLACED, areas={"": Area(luts=83_000, multipliers=157, ram_luts=1000)}, timings=(), path=(), logic_rows=0
)
"""Takes more than there is of two resources: of LUTs only with those that are memory."""
