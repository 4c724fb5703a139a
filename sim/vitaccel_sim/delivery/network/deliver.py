"""Everything that ``vitaccel gen-rtl MODEL.onnx`` writes, as contents by file name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.rtl.accelerator import accelerator_of
from vitaccel.backends.rtl.assemble import features
from vitaccel.backends.rtl.chosen_queues import Queues, chosen_queues
from vitaccel.backends.rtl.program_cycles import program_cycles
from vitaccel.compiled_model.assembled import Images, assembled_network
from vitaccel.execution import IntegerModel
from vitaccel_rtl.register_map import c_header, markdown, to_json
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.accelerator import driver, mapped, serial_bus
from vitaccel_sim.accelerator.delivered import (
    GOLDEN,
    MACHINE,
    MEMORY_MAP,
    MODEL,
    PROGRAM,
    REGISTERS,
    TOP,
    VERILOG,
    WEIGHTS,
)
from vitaccel_sim.accelerator.expectations import expected_of, golden_arrays
from vitaccel_sim.accelerator.verify import Expected, Hardware
from vitaccel_sim.delivery.network.imported import integer_model
from vitaccel_sim.delivery.network.readme import README, readme

HERE = Path(__file__).parent
COPIED = {
    "Makefile": HERE / "Makefile",
    f"{TOP}_driver.h": HERE / "driver.h",
    f"{TOP}_driver.c": HERE / "driver.c",
    "driver.py": Path(driver.__file__),
    "mapped.py": Path(mapped.__file__),
    "serial_bus.py": Path(serial_bus.__file__),
    f"test_{TOP}.py": HERE / "bench_file.txt",
}
"""Files that are the same for every network."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network on its accelerator, with all that belongs to it.

    Parameters
    ----------
    model
        The network.
    onnx
        The same as a file.
    hardware
        The accelerator, its program and its weights.
    instructions
        Of the program.
    images
        The golden vectors.
    cycles
        Of a run, predicted, with a memory of the machine's latency and tokens that spread evenly over the experts.
    """

    model: IntegerModel
    onnx: bytes
    hardware: Hardware
    instructions: int
    images: tuple[Expected, ...]
    cycles: int

    @property
    def utilization(self) -> float:
        """Useful MACs for each multiplier and cycle."""
        return self.hardware.memory.macs / (self.cycles * self.hardware.memory.pes)

    @property
    def files(self) -> dict[str, bytes]:
        """Contents by file name; the README names all of them."""
        hardware = self.hardware
        texts = {
            VERILOG: hardware.verilog.text,
            MEMORY_MAP: hardware.memory.to_json(),
            REGISTERS: to_json(hardware.registers),
            "registers.md": f"# Registers\n\n{markdown(hardware.registers)}",
            f"{TOP}_registers.h": c_header(hardware.registers, prefix=TOP),
            MACHINE: json.dumps(asdict(self.model.arch), indent=1) + "\n",
            **{name: path.read_text(encoding="utf-8") for name, path in COPIED.items()},
            README: readme(
                hardware.memory, self.model.arch, instructions=self.instructions, cycles=self.cycles,
                images=len(self.images), has_experts=any(layer.routed for layer in self.model.lowered.program.layers),
            ),
        }  # fmt: skip
        contents = {name: text.encode() for name, text in texts.items()}
        return contents | {
            PROGRAM: hardware.program,
            WEIGHTS: hardware.weights,
            MODEL: self.onnx,
            GOLDEN: _archive(golden_arrays(self.images)),
        }

    def record(self) -> dict[str, Any]:
        """Return what was made as JSON types."""
        memory = self.hardware.memory
        return {
            "model": memory.name,
            "module": TOP,
            "instructions": self.instructions,
            "memory_bytes": memory.memory_bytes,
            "weights_bytes": memory.weights_bytes,
            "program_address": memory.program,
            "golden_images": len(self.images) * self.model.batch,
            "cycles_predicted": self.cycles,
            "utilization": self.utilization,
        }


def deliver_network(
    onnx: bytes,
    name: str,
    arch: Arch,
    images: Images,
    *,
    said: Collection[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Network:
    """Return a network with everything that belongs to it.

    Parameters
    ----------
    onnx
        The quantized model, as a file.
    name
        What it is called.
    arch, said
        The machine, and the keys of it that its user wrote down; number formats of others are the model's.
    images
        Makes the golden images.
    say
        Called with the name of each step before it begins.

    Raises
    ------
    VitaccelError
        If the model cannot be run in integers, does not fit the machine, or takes what the accelerator does not have.
    """
    say("compile")
    model = integer_model(onnx, name, arch, said=said)
    assembled = assembled_network(model, name)
    program = model.lowered.program

    def cycles(queues: Queues) -> int:
        memory = model.arch.memory
        latency_cycles = max(1, memory.latency_cycles)
        return program_cycles(assembled.instructions, memory, latency_cycles=latency_cycles, queues=queues).cycles

    say("emit Verilog")
    component = accelerator_of(model.arch, features=features(program.instructions))
    registers = component.registers
    verilog = to_verilog(component, name=TOP, options=_options(model.arch))
    say("run golden images")
    expected = tuple(
        expected_of(model, assembled.inputs(images), cycles=lambda choices: cycles(chosen_queues(program, choices)))
    )
    hardware = Hardware(
        verilog=verilog,
        registers=registers,
        memory=assembled.memory,
        program=assembled.program,
        weights=assembled.weights,
    )
    return Network(
        model=model,
        onnx=onnx,
        hardware=hardware,
        instructions=len(assembled.instructions.instructions),
        images=expected,
        cycles=cycles(Routing().route_queues(program)),
    )


def _options(arch: Arch) -> dict[str, str]:
    """What was chosen, for the header of the Verilog."""
    memory, buffers = arch.memory, arch.buffers
    return {
        "side": f"{arch.array.side}: P, rows and columns of the array",
        "bus": f"{memory.bus_bits} bits, bursts of {memory.burst_beats} beats, {memory.outstanding} in flight",
        "buffers": f"{buffers.activation_bytes} bytes of activations, {buffers.weight_bytes} of weights, "
        f"{buffers.logit_bytes} of logits, {buffers.parameter_bytes} of parameters",
    }


def _archive(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
