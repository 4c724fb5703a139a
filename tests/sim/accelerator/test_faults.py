"""What can go wrong with a network on the whole accelerator, and that the next run is as right and as fast as ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.backends.interpreter.attention_nets import Net
from tests.backends.interpreter.networks import images_for
from tests.sim.delivery.network.micro import arch, network
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.memory_map import memory_map
from vitaccel.backends.rtl.program_cycles import program_cycles
from vitaccel.backends.rtl.program_file import ProgramFile, decode_program, encode_program
from vitaccel.execution import IntegerModel
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.ops import Activation, Add
from vitaccel_rtl.accelerator.isa import HEADER, HEADER_BYTES, INSTRUCTION_BYTES
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.driver import AcceleratorError
from vitaccel_sim.accelerator.expectations import expected_of
from vitaccel_sim.accelerator.runner import SimulatedAccelerator
from vitaccel_sim.accelerator.verify import POISON, Expected, Hardware

DRAM_BYTES = 1 << 18
LIMIT = 200_000
SLVERR, DECERR = 2, 3
WORD = {field.name: 4 * place for place, field in enumerate(HEADER)}
"""Where in the header of a program a number begins."""


def first() -> tuple[Hardware, tuple[Expected, ...]]:
    """A vision transformer, with what must come of images."""
    made = network()
    return replace(made.hardware, optimize="-O1"), made.images


@cache
def second() -> tuple[Hardware, tuple[Expected, ...]]:
    """Another network for the same machine: an MLP, with other weights, another program and other tensors."""
    net = Net(5)
    x = net.linear(net.input(1, 7, 9), 10)
    out = net.op(Add(), x, net.linear(net.op(Activation("gelu"), net.linear(net.norm(x), 13)), 10))
    model = IntegerModel(net.quantized(out, seed=5), network().model.arch)
    _, plan, program = model.lowered
    assembly = assemble(program)
    raw = encode_program(assembly)
    cycles = program_cycles(assembly, arch().memory, latency_cycles=arch().memory.latency_cycles).cycles
    address = -(-program.dram_bytes // 4096) * 4096
    hardware = replace(
        first()[0],
        memory=memory_map(plan, program, program_address=address, program_bytes=len(raw)),
        program=raw,
        weights=model.machine({}).constants.numpy().tobytes(),
    )
    return hardware, tuple(expected_of(model, images_for(model.graph, 2, 5), cycles=lambda _: cycles))


class Machine:
    """One accelerator with its memory, for one network after another."""

    def __init__(self) -> None:
        hardware, _ = first()
        self.accelerator = SimulatedAccelerator(
            hardware.model(),
            hardware.registers,
            dram_bytes=DRAM_BYTES,
            behaviour=MemoryBehaviour(latency_cycles=arch().memory.latency_cycles),
            refuses_outside=True,
        )

    def install(self, hardware: Hardware, *, program: bytes | None = None) -> None:
        """Put a network into the memory, with another program if one is given."""
        self.accelerator.load(hardware.memory.weights, hardware.weights)
        self.accelerator.load(hardware.memory.program, hardware.program if program is None else program)

    def put(self, hardware: Hardware, image: Expected) -> None:
        """Put an image into the memory, and something into its outputs."""
        for name, values in image.inputs.items():
            entry = hardware.memory.tensor(name)
            self.accelerator.load(entry.dram, to_bytes(values, entry.tensor, arch()).tobytes())
        for name in image.outputs:
            entry = hardware.memory.tensor(name)
            self.accelerator.load(entry.dram, bytes([POISON]) * entry.dram_bytes)

    def run(self, hardware: Hardware, image: Expected) -> Mapping[str, np.ndarray]:
        """Run the program on an image, and return the outputs."""
        self.put(hardware, image)
        self.accelerator.run(hardware.memory.program, LIMIT)
        found = {}
        for name in image.outputs:
            entry = hardware.memory.tensor(name)
            raw = np.frombuffer(self.accelerator.fetch(entry.dram, entry.dram_bytes), np.uint8)
            found[name] = from_bytes(raw, entry.tensor, arch())
        return found

    def check(self, hardware: Hardware, *images: Expected) -> None:
        """Outputs and cycles of images are those that must be."""
        for image in images:
            for name, values in self.run(hardware, image).items():
                np.testing.assert_array_equal(values, image.outputs[name])
            assert self.accelerator.cycles == image.cycles

    def fails(self, hardware: Hardware, cause: str) -> None:
        """A run ends with an error, and the machine is at rest."""
        self.put(hardware, first()[1][0])
        with pytest.raises(AcceleratorError) as error:
            self.accelerator.run(hardware.memory.program, LIMIT)
        assert error.value.cause == cause
        assert not self.accelerator.read_field("status", "busy")
        assert not self.accelerator.read_field("status", "done")


def changed(raw: bytes, at: int, byte: int) -> bytes:
    """Bytes with one of them changed."""
    return raw[:at] + bytes([byte]) + raw[at + 1 :]


def edited(raw: bytes, operation: str, **fields: int) -> bytes:
    """A program whose last instruction of such an operation has other fields."""
    program: ProgramFile = decode_program(raw)
    at = max(place for place, each in enumerate(program.instructions) if each.operation == operation)
    wrong = replace(program.instructions[at], fields={**program.instructions[at].fields, **fields})
    return encode_program(replace(program, instructions=(*program.instructions[:at], wrong)))


def test_images_follow_each_other(seed: int) -> None:
    hardware, images = first()
    machine = Machine()
    machine.install(hardware)
    order = np.random.default_rng(seed).integers(0, len(images), 5).tolist()
    machine.check(hardware, images[0], images[1], images[0], *(images[at] for at in order))


def test_a_second_network_is_loaded_after_the_first_and_the_first_again() -> None:
    machine = Machine()
    for hardware, images in (first(), second(), first(), second()):
        machine.install(hardware)
        machine.check(hardware, *images)


def test_a_network_that_was_not_loaded_is_found() -> None:
    """The comparison is a real one: with other weights the outputs are wrong."""
    machine, (hardware, images) = Machine(), first()
    machine.install(replace(hardware, weights=hardware.weights[::-1]))
    with pytest.raises(AssertionError):
        machine.check(hardware, images[0])


@pytest.mark.parametrize(
    ("at", "byte", "cause"),
    [
        (WORD["magic"], 0x00, "magic"),
        (WORD["version"], 0x63, "version"),
        (WORD["side"], 8, "machine"),
        (WORD["activation_words"] + 1, 0x7F, "machine"),
        (WORD["instructions"] + 3, 0x7F, "length"),
        (HEADER_BYTES, 0xEE, "operation"),
        (HEADER_BYTES + 30 * INSTRUCTION_BYTES, 0xEE, "operation"),
    ],
)
def test_a_corrupt_program_is_refused_and_the_next_runs(at: int, byte: int, cause: str) -> None:
    """Of an operation that there is not, those before it have run, and the machine came to rest."""
    machine, (hardware, images) = Machine(), first()
    machine.install(hardware, program=changed(hardware.program, at, byte))
    machine.fails(hardware, cause)
    machine.install(hardware)
    machine.check(hardware, *images)


@pytest.mark.parametrize(("operation", "cause"), [("load", "load"), ("store", "store")])
def test_an_address_that_there_is_not_is_told_and_the_next_runs(operation: str, cause: str) -> None:
    machine, (hardware, images) = Machine(), first()
    machine.install(hardware, program=edited(hardware.program, operation, dram=0xFFFF_0000))
    machine.fails(hardware, cause)
    machine.install(hardware)
    machine.check(hardware, *images)


def test_a_program_that_waits_for_what_never_comes_is_stopped_and_the_next_runs() -> None:
    machine, (hardware, images) = Machine(), first()
    machine.install(hardware, program=edited(hardware.program, "store", wait_compute=60_000))
    machine.put(hardware, images[0])
    with pytest.raises(TimeoutError):
        machine.accelerator.run(hardware.memory.program, LIMIT)
    machine.accelerator.stop()
    machine.install(hardware)
    machine.check(hardware, *images)


@pytest.mark.parametrize("response", [SLVERR, DECERR])
@pytest.mark.parametrize("cause", ["fetch", "load", "store"])
def test_an_error_response_ends_the_run_and_the_next_is_right(cause: str, response: int, seed: int) -> None:
    """Of a beat of the program, of the weights or of the output, wherever it is."""
    machine, (hardware, images) = Machine(), first()
    machine.install(hardware)
    memory = hardware.memory
    output = memory.tensor(memory.outputs[0])
    address, size = {
        "fetch": (memory.program, memory.program_bytes),
        "load": (memory.weights, memory.weights_bytes),
        "store": (output.dram, output.dram_bytes),
    }[cause]
    wrong = address + int(np.random.default_rng(seed).integers(0, size))
    machine.accelerator.system.refuse(wrong, wrong + 1, response)
    machine.fails(hardware, cause)
    machine.accelerator.system.accept_all()
    machine.check(hardware, *images)


@pytest.mark.parametrize("ends", ["reset", "stop"])
@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9])
def test_a_run_that_is_cut_short_leaves_nothing_behind(ends: str, part: float) -> None:
    machine, (hardware, images) = Machine(), first()
    machine.install(hardware)
    cycles = images[0].cycles
    assert cycles is not None
    machine.put(hardware, images[1])
    machine.accelerator.start(hardware.memory.program)
    machine.accelerator.system.step(1 + int(part * cycles))
    assert machine.accelerator.read_field("status", "busy")
    if ends == "reset":
        machine.accelerator.system.reset()
        assert machine.accelerator.read("status") == 0
    else:
        machine.accelerator.stop()
    machine.check(hardware, *images)
