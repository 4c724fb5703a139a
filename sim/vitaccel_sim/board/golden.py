"""Golden images of a delivered network, run by the driver over the simulated serial line of a board."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel_rtl.board.ulx3s import system_verilog
from vitaccel_rtl.register_map import to_json
from vitaccel_sim.accelerator.delivered import Delivered
from vitaccel_sim.accelerator.driver import Accelerator
from vitaccel_sim.accelerator.expectations import golden_images
from vitaccel_sim.accelerator.serial_bus import SerialBus
from vitaccel_sim.board.serial_line import SimulatedLine, build_board
from vitaccel_sim.verilate import BUILD_FOLDER

CYCLES_PER_BIT = 4
"""The fastest line that there is: loading takes most of the time."""

WAIT_S = 600.0
"""For the end of a run."""


@dataclass(frozen=True, kw_only=True)
class BoardRun:
    """A golden image on the board.

    Parameters
    ----------
    cycles
        That the accelerator counted.
    is_equal
        Whether every number of every output is the interpreter's.
    """

    cycles: int
    is_equal: bool


def run_golden(
    delivered: Delivered,
    *,
    images: int | None = None,
    optimize: str = "-O1",
    folder: Path = BUILD_FOLDER,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[BoardRun]:
    """Yield what becomes of the golden images, one after the other, or of the first *images* of them."""
    hardware, memory, arch = delivered.hardware, delivered.hardware.memory, delivered.arch
    size = -(-memory.memory_bytes // 8) * 8
    design = system_verilog(hardware.verilog, memory_bytes=size, cycles_per_bit=CYCLES_PER_BIT)
    say("build")
    model = build_board(design, optimize=optimize, folder=folder)
    line = SimulatedLine(model, cycles_per_bit=CYCLES_PER_BIT)
    accelerator = Accelerator(SerialBus(line), json.loads(to_json(hardware.registers))["registers"])
    say("load")
    accelerator.load(memory.weights, hardware.weights)
    accelerator.load(memory.program, hardware.program)
    for at, image in enumerate(golden_images(delivered.golden)):
        if at == images:
            return
        say(f"image {at}")
        for entry in map(memory.tensor, memory.inputs):
            accelerator.load(entry.dram, to_bytes(image.inputs[entry.name], entry.tensor, arch).tobytes())
        cycles = accelerator.run(memory.program, WAIT_S)
        equal = True
        for entry in map(memory.tensor, memory.outputs):
            raw = np.frombuffer(accelerator.fetch(entry.dram, entry.dram_bytes), np.uint8)
            equal &= np.array_equal(from_bytes(raw, entry.tensor, arch), image.outputs[entry.name])
        yield BoardRun(cycles=cycles, is_equal=equal)
