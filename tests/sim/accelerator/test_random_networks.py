"""Random transformers, compiled, assembled and run on one accelerator: every tensor equal to the interpreter's."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.backends.interpreter.networks import images_for, machine_of
from tests.sim.accelerator.random_networks import Shape, random_network
from vitaccel.arch import Arch
from vitaccel.backends.rtl.accelerator import accelerator_of
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.memory_map import memory_map
from vitaccel.backends.rtl.program_file import encode_program
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph
from vitaccel_rtl.verilog import Verilog, to_verilog
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.accelerator.findings import Verification
from vitaccel_sim.accelerator.verify import Hardware, verify

FEW, MANY = 4, 200
"""Networks of `make test`, and of `make test-full`."""

LATENCY_CYCLES = 20


def machine() -> Arch:
    """The smallest array; buffers that hold every network of :mod:`tests.sim.accelerator.random_networks`."""
    sizes = {"activation": 1 << 16, "weight": 1 << 14, "logit": 1 << 12, "parameter": 1 << 13}
    return machine_of("4x4", **{f"buffers__{name}_bytes": size for name, size in sizes.items()})


@cache
def built() -> tuple[Verilog, Any]:
    accelerator = accelerator_of(machine())
    registers = accelerator.registers
    return to_verilog(accelerator, name="vitaccel"), registers


def run(graph: Graph, seed: int) -> Verification:
    """Two images on the accelerator, every tensor on the way compared."""
    model = IntegerModel(graph, machine())
    _, plan, program = model.lowered
    assembled = encode_program(assemble(program))
    address = -(-program.dram_bytes // 4096) * 4096
    verilog, registers = built()
    hardware = Hardware(
        verilog=verilog,
        registers=registers,
        memory=memory_map(plan, program, program_address=address, program_bytes=len(assembled)),
        program=assembled,
        weights=model.machine({}).constants.numpy().tobytes(),
        optimize="-O1",
    )
    taps = [kernel.out for kernel in plan.kernels]
    images = expected_of(model, images_for(graph, 2, seed), taps=taps)
    return verify(hardware, images, behaviour=MemoryBehaviour(latency_cycles=LATENCY_CYCLES))


def check(number: int) -> Shape:
    shape, graph = random_network(number)
    found = run(graph, number)
    assert found.tensors > 3
    for result in found.results:
        assert result.mismatch is None, f"network {number}, {shape}: {result.mismatch}"
        assert not result.failure, f"network {number}, {shape}: {result.failure}"
    return shape


def test_a_few_random_networks(seed: int) -> None:
    shapes = [check(number) for number in np.random.default_rng(seed).integers(0, 1 << 31, FEW).tolist()]
    assert len(set(shapes)) == FEW


@pytest.mark.full
def test_many_random_networks(seed: int) -> None:
    shapes = [check(number) for number in np.random.default_rng(seed + 1).integers(0, 1 << 31, MANY).tolist()]
    assert {shape.is_cross for shape in shapes} == {False, True}
