"""The bench of a delivered network: golden vectors through the accelerator, with memories written in Python.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the parameters ``folder`` and ``images``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from vitaccel.backends.rtl.accelerator import ADDRESS_BITS
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel_rtl.accelerator.control_map import DONE, ERROR, START, error_code
from vitaccel_rtl.accelerator.fetch import GEOMETRY
from vitaccel_rtl.axi import Geometry
from vitaccel_sim.accelerator.delivered import Delivered, read_delivery
from vitaccel_sim.accelerator.expectations import golden_images
from vitaccel_sim.accelerator.findings import first_mismatch
from vitaccel_sim.accelerator.verify import POISON, Expected
from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory, WriteMemory
from vitaccel_sim.bench.dma_jobs import limits_of
from vitaccel_sim.bench.ports import read
from vitaccel_sim.cocotb_runner import bench_parameters

LEAST_LIMIT_CYCLES = 1_000_000
SLACK = 4
"""A run may take so many times the cycles that were predicted."""

STALLS = Behaviour("stalls", latency=20, jitter=30, stall=0.2)
STATUS_DONE = 2
MAGIC_PLACE = 0
"""Byte of the program in which its first word begins."""

VALIDS = {"arvalid": ("araddr", "arlen", "arsize", "arburst"), "awvalid": ("awaddr", "awlen", "awsize", "awburst"),
          "wvalid": ("wdata", "wstrb", "wlast")}  # fmt: skip
"""What means something only with a valid."""


@cocotb.test()
async def golden_vectors_come_out_in_the_predicted_cycles(dut: Any) -> None:
    """Outputs of the first images, and the counter of cycles, under a memory of the machine's latency."""
    delivered = of_folder()
    latency = max(1, delivered.arch.memory.latency_cycles)
    machine = Machine(dut, delivered, Behaviour(latency=latency))
    await machine.begin()
    for image in first_images(delivered):
        await machine.check(image)
        taken = await machine.read_register("cycles_low") | await machine.read_register("cycles_high") << 32
        if image.cycles is not None:
            assert taken == image.cycles, f"cycles must be {image.cycles}, not {taken}"


@cocotb.test()
async def golden_vectors_come_out_under_stalls(dut: Any) -> None:
    """Outputs of the first image, with a memory that answers when it likes."""
    delivered = of_folder()
    machine = Machine(dut, delivered, STALLS)
    await machine.begin()
    await machine.check(next(first_images(delivered)))


@cocotb.test()
async def a_program_of_another_machine_is_refused_and_the_next_run_is_right(dut: Any) -> None:
    """The error is told, nothing is written, and the machine needs no reset."""
    delivered = of_folder()
    machine = Machine(dut, delivered, Behaviour(latency=3))
    await machine.begin()
    image = next(first_images(delivered))
    at = delivered.hardware.memory.program + MAGIC_PLACE
    machine.content[at] ^= 1
    machine.load(image)
    status = await machine.run(LEAST_LIMIT_CYCLES)
    assert status >> 4 & 0xF == error_code("magic"), f"status must tell of a wrong program, not be {status:#x}"
    for entry in map(delivered.hardware.memory.tensor, delivered.hardware.memory.outputs):
        assert set(machine.content[entry.dram : entry.dram + entry.dram_bytes]) == {POISON}
    machine.content[at] ^= 1
    await machine.check(image)


def of_folder() -> Delivered:
    """Read what is verified."""
    return read_delivery(Path(bench_parameters()["folder"]))


def first_images(delivered: Delivered) -> Iterator[Expected]:
    """Yield as many golden images as were asked for."""
    for at, image in enumerate(golden_images(delivered.golden)):
        if at < bench_parameters()["images"]:
            yield image


class Machine:
    """The accelerator, its host and its memories.

    Attributes
    ----------
    content
        Of the memory.
    """

    def __init__(self, dut: Any, delivered: Delivered, behaviour: Behaviour) -> None:
        self.dut, self.delivered = dut, delivered
        memory, arch = delivered.hardware.memory, delivered.arch
        self.content = bytearray(1 << max(12, (memory.memory_bytes - 1).bit_length()))
        for first, part in (
            (memory.weights, delivered.hardware.weights),
            (memory.program, delivered.hardware.program),
        ):
            self.content[first : first + len(part)] = part
        geometry = Geometry(
            data_bits=arch.memory.bus_bits,
            word_bytes=arch.array.side,
            address_bits=ADDRESS_BITS,
            burst_beats=arch.memory.burst_beats,
            outstanding=arch.memory.outstanding,
            align_bytes=1,
        )
        rng = random.Random(cocotb.RANDOM_SEED)
        self.sides = [
            (prefix, kind(limits=limits_of(of), content=self.content, behaviour=behaviour, rng=rng))
            for prefix, kind, of in (
                ("m_axi_", ReadMemory, geometry),
                ("m_axi_", WriteMemory, geometry),
                ("p_axi_", ReadMemory, GEOMETRY),
            )
        ]
        self.cycle = 0
        self._addresses = {register.name: register.address for register in delivered.hardware.registers}
        self._driven: dict[str, int] = {}
        self._outputs: dict[str, int] = {}
        self._host: dict[str, int] = dict.fromkeys(HOST, 0)

    async def begin(self) -> None:
        """Start the clock, and reset."""
        Clock(self.dut.clk, 10, "ns").start()
        self._drive({"rst": 1, **{f"s_axi_{name}": 0 for name in HOST}})
        for prefix, memory in self.sides:
            self._drive({f"{prefix}{name}": 0 for name in memory.drive(-1)})
        for _ in range(2):
            await RisingEdge(self.dut.clk)
        self._drive({"rst": 0})

    def load(self, image: Expected) -> None:
        """Put the inputs of an image into the memory, and something else where outputs go."""
        memory, arch = self.delivered.hardware.memory, self.delivered.arch
        for name in memory.inputs:
            entry = memory.tensor(name)
            raw = to_bytes(image.inputs[name], entry.tensor, arch).tobytes()
            self.content[entry.dram : entry.dram + len(raw)] = raw
        for name in memory.outputs:
            entry = memory.tensor(name)
            self.content[entry.dram : entry.dram + entry.dram_bytes] = bytes([POISON]) * entry.dram_bytes

    async def check(self, image: Expected) -> None:
        """Run an image, and require its outputs."""
        memory, arch = self.delivered.hardware.memory, self.delivered.arch
        self.load(image)
        status = await self.run(max(LEAST_LIMIT_CYCLES, SLACK * (image.cycles or 0)))
        assert status & 0xFF == STATUS_DONE, f"a run must end without an error, not with status {status:#x}"
        for name in memory.outputs:
            entry = memory.tensor(name)
            raw = np.frombuffer(bytes(self.content[entry.dram : entry.dram + entry.dram_bytes]), np.uint8)
            mismatch = first_mismatch(entry, image.outputs[name], from_bytes(raw, entry.tensor, arch))
            assert mismatch is None, str(mismatch)

    async def run(self, limit: int) -> int:
        """Start the program, wait for the interrupt and for rest, and return the status."""
        both = 1 << DONE | 1 << ERROR
        await self.write_register("interrupt_pending", both)
        await self.write_register("interrupt_enable", both)
        await self.write_register("program", self.delivered.hardware.memory.program)
        await self.write_register("control", 1 << START)
        began = self.cycle
        while not self._outputs["interrupt"]:
            assert self.cycle - began < limit, f"a run must end within {limit} cycles, and this one did not"
            await self.tick()
        await self.write_register("interrupt_pending", both)
        while (status := await self.read_register("status")) & 1:
            assert self.cycle - began < limit, "the accelerator must come to rest, and did not"
        return status

    async def write_register(self, name: str, value: int) -> None:
        """Write a register."""
        self._host |= {"awaddr": self._addresses[name], "wdata": value, "wstrb": 15, "awvalid": 1, "wvalid": 1,
                       "bready": 1}  # fmt: skip
        await self._until("bvalid", {"awvalid": "awready", "wvalid": "wready"})
        self._host["bready"] = 0

    async def read_register(self, name: str) -> int:
        """Return a register."""
        self._host |= {"araddr": self._addresses[name], "arvalid": 1, "rready": 1}
        await self._until("rvalid", {"arvalid": "arready"})
        self._host["rready"] = 0
        return self._outputs["rdata"]

    async def _until(self, answered: str, requests: dict[str, str]) -> None:
        """Offer requests until each is accepted, and go on until the answer is taken."""
        while True:
            offered = [valid for valid in requests if self._host[valid]]
            await self.tick()
            for valid in offered:
                if self._outputs[requests[valid]]:
                    self._host[valid] = 0
            if self._outputs[answered]:
                return

    async def tick(self) -> None:
        """A cycle of everything: inputs, outputs, edge."""
        self._drive({f"s_axi_{name}": value for name, value in self._host.items()})
        for prefix, memory in self.sides:
            self._drive({f"{prefix}{name}": value for name, value in memory.drive(self.cycle).items()})
        await ReadOnly()
        for prefix, memory in self.sides:
            memory.sample(self._sampled(prefix, memory.outputs), self.cycle)
        self._outputs = {name: self._read(f"s_axi_{name}") for name in ANSWERS}
        self._outputs["rdata"] = self._read("s_axi_rdata") if self._outputs["rvalid"] else 0
        self._outputs["interrupt"] = self._read("interrupt")
        await RisingEdge(self.dut.clk)
        self.cycle += 1

    def _sampled(self, prefix: str, names: tuple[str, ...]) -> tuple[int, ...]:
        """Read outputs of a master; what no valid goes with is not looked at."""
        values: dict[str, int] = {}
        for name in names:
            if name in VALIDS or name.endswith("ready"):
                values[name] = self._read(f"{prefix}{name}")
                payload = VALIDS.get(name, ())
                values |= {of: self._read(f"{prefix}{of}") if values[name] else 0 for of in payload}
        return tuple(values[name] for name in names)

    def _read(self, name: str) -> int:
        return read(getattr(self.dut, name), self.cycle)

    def _drive(self, ports: dict[str, int]) -> None:
        for name, value in ports.items():
            if self._driven.get(name) != value:
                self._driven[name] = value
                getattr(self.dut, name).value = value


HOST = ("awaddr", "awprot", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arprot", "arvalid", "rready")
ANSWERS = ("awready", "wready", "bvalid", "arready", "rvalid")
"""Ports of the registers, in and out."""
