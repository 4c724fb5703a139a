"""A folder as gen-rtl writes it for a network, but for the accelerator: Verilog of ports with nothing behind them."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.backends.interpreter.networks import images_for, machine_of, quantized
from vitaccel.backends.onnx_qdq import save
from vitaccel.backends.rtl.memory_map import memory_map
from vitaccel.execution import IntegerModel
from vitaccel_rtl.accelerator.control_map import machine_registers
from vitaccel_rtl.register_map import to_json
from vitaccel_sim.accelerator.expectations import expected_of, golden_arrays
from vitaccel_sim.accelerator.findings import ImageResult, Mismatch, Verification

VERILOG = "module vitaccel(clk, rst, word);\n  input clk;\n  input rst;\n  output [7:0] word;\nendmodule\n"
PROGRAM = bytes(range(64))
IMAGES = 3


@cache
def model(name: str, seed: int) -> IntegerModel:
    return IntegerModel(quantized(name, seed), machine_of())


def images(name: str, seed: int) -> dict[str, np.ndarray]:
    return images_for(model(name, seed).graph, IMAGES, seed + 2)


def write_folder(folder: Path, name: str, seed: int) -> Path:
    """Fill a folder, and return it."""
    made = model(name, seed)
    _, plan, program = made.lowered
    fed = images(name, seed)
    choices = {key: 0 for key in fed if key != "image"}
    fed |= {key: np.array([0]) for key in choices}
    memory = memory_map(plan, program, program_address=program.dram_bytes, program_bytes=len(PROGRAM))
    (folder / "vitaccel.sv").write_text(VERILOG)
    (folder / "program.bin").write_bytes(PROGRAM)
    (folder / "weights.bin").write_bytes(made.machine(choices).constants.numpy().tobytes())
    (folder / "memory_map.json").write_text(memory.to_json())
    (folder / "registers.json").write_text(to_json(machine_registers()))
    (folder / "machine.json").write_text(json.dumps(asdict(made.arch)))
    np.savez(folder / "golden.npz", **golden_arrays(list(expected_of(made, fed, cycles=lambda _: 1000))))
    save(quantized(name, seed), folder / "model.onnx", quantization="{}")
    return folder


class Perfect:
    """A verification of hardware that computes what the interpreter does, but in run *wrong*."""

    def __init__(self, wrong: int = -1) -> None:
        self.wrong = wrong
        self.told: dict[str, Any] = {}
        self.taps: list[int] = []

    def __call__(self, hardware: Any, images: Any, **told: Any) -> Verification:
        self.told, results = {**told, "hardware": hardware}, []
        for at, image in enumerate(images):
            self.taps.append(len(image.taps))
            found = {"tensor": "t", "layer": "l", "instruction": 3, "frame": 0, "token": 1, "channel": 2}
            mismatch = Mismatch(**found, expected=4, found=5, count=6) if at == self.wrong else None
            results.append(
                ImageResult(cycles=1000, cycles_predicted=image.cycles, mismatch=mismatch, outputs=dict(image.outputs))
            )
            told["progress"](at + 1, results[-1])
        return Verification(
            results=results, tensors=9, macs=32000, pes=64, simulated_cycles=3000, seconds=2.0,
            memory_is_fixed=told["behaviour"].is_fixed,
        )  # fmt: skip
