"""The bench of AXI4-Lite registers: every kind of access to every kind of register, against the model, and resets.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the parameters of
:func:`vitaccel_sim.benches.registers.register_parameters`.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import cocotb

from vitaccel_rtl.latency import (
    REGISTERS_READ,
    REGISTERS_READ_INTERVAL,
    REGISTERS_WRITE,
    REGISTERS_WRITE_INTERVAL,
)
from vitaccel_rtl.register_map import ACCESSES, WORD_BYTES, Field, Register
from vitaccel_sim.bench.axi_lite import Answers, AxiLiteMaster
from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.ports import read
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.register_model import RegisterModel, Write, random_address, random_write, strobed
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

ORDERS = ("address before data", "data before address", "address with data")
BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    *(f"{what} {access}" for access in ACCESSES for what in ("read", "write")),
    *(f"{what} an unknown address" for what in ("read", "write")),
    *(f"strobes: {strobes:04b}" for strobes in range(16)),
    *ORDERS,
    "read while a write waits",
    "pulse",
    "set and cleared at once",
    "reset with a write under way",
    "reset with a read under way",
    "latencies as declared",
)
BEHIND = 64
"""Bytes behind the last register that are tried one by one."""

VALUED = ("read-write", "write-1-to-clear")


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


class RegisterBench:
    """A master, the model, and the ports of registers."""

    def __init__(self, dut: Any) -> None:
        parameters = bench_parameters()
        listed = json.loads(parameters["map"])["registers"]
        self.registers = tuple(Register(**{**r, "fields": tuple(Field(**f) for f in r["fields"])}) for r in listed)
        self.address_bits: int = parameters["address_bits"]
        self.dut = dut
        self.rng = random.Random(cocotb.RANDOM_SEED)
        self.master = AxiLiteMaster(dut, seed=cocotb.RANDOM_SEED)
        self.model = RegisterModel(self.registers, {})
        self.pulses: list[tuple[int, str, int]] = []

    async def start(self) -> None:
        """Start the clock, show a value in each read-only register, and reset."""
        for register in self.of("write-1-to-clear"):
            getattr(self.dut, f"{register.name}_set").value = 0
        await self.master.start()
        self.forget()

    async def reset(self) -> None:
        """Reset, and expect what registers hold then."""
        await self.master.reset()
        self.forget()

    def forget(self) -> None:
        """Expect values after a reset, and other ones in read-only registers."""
        held = {register.name: self.rng.getrandbits(register.bits) for register in self.of("read-only")}
        for name, value in held.items():
            getattr(self.dut, name).value = value
        self.model = RegisterModel(self.registers, held)

    def of(self, *accesses: str) -> tuple[Register, ...]:
        """Return the registers of some kinds."""
        return tuple(register for register in self.registers if register.access in accesses)

    async def check(self, writes: Sequence[Write], reads: Sequence[int], **options: Any) -> Answers:
        """Do writes, then reads, compare the answers and then all values; count what was hit."""
        answers = await self.master.exchange(writes, watch=self._see_pulses, **options)
        assert answers.b == [self.model.write(*write) for write in writes], "responses to writes differ"
        for name, value in self.values().items():
            assert value == self.model.values[name], f"{name} must be {self.model.values[name]:#x}, not {value:#x}"
        self._check_pulses(writes)
        late = await self.master.exchange((), reads, **options)
        assert late.r == [self.model.read(address) for address in reads], "reads differ"
        self._count(writes, reads, answers)
        return answers

    def values(self) -> dict[str, int]:
        """Return the values at the ports."""
        return {register.name: read(getattr(self.dut, register.name), 0) for register in self.of(*VALUED)}

    def _see_pulses(self, cycle: int, is_settled: bool) -> None:
        for register in self.of("write-pulse") if is_settled else ():
            if bits := read(getattr(self.dut, register.name), cycle):
                self.pulses.append((cycle, register.name, bits))

    def _check_pulses(self, writes: Sequence[Write]) -> None:
        pulses = [
            (register.name, data & strobed(strobes) & register.mask)
            for address, data, strobes in writes
            if (register := self.model.at(address)) and register.access == "write-pulse"
        ]
        assert [pulse[1:] for pulse in self.pulses] == [pulse for pulse in pulses if pulse[1]], "pulses differ"
        for _ in self.pulses:
            hit("pulse")
        self.pulses.clear()

    def _count(self, writes: Sequence[Write], reads: Sequence[int], answers: Answers) -> None:
        for what, addresses in (("write", [write[0] for write in writes]), ("read", reads)):
            for address in addresses:
                register = self.model.at(address)
                hit(f"{what} {register.access if register else 'an unknown address'}")
        for _, _, strobes in writes:
            hit(f"strobes: {strobes:04b}")
        for aw, w in zip(answers.accepted["aw"], answers.accepted["w"], strict=True):
            hit(ORDERS[0] if aw < w else ORDERS[1] if w < aw else ORDERS[2])

    def every_address(self) -> list[int]:
        """Return those of the map and behind it, and those of one bit: another address must not be taken for it."""
        after = self.registers[-1].address + BEHIND
        far = [1 << bit for bit in range(2, self.address_bits)]
        return sorted({address for address in (*range(0, after, WORD_BYTES), *far) if not address >> self.address_bits})

    def some_writes(self, count: int) -> list[Write]:
        """Return random writes."""
        return [random_write(self.rng, self.registers, address_bits=self.address_bits) for _ in range(count)]

    def some_reads(self, count: int) -> list[int]:
        """Return random addresses."""
        return [random_address(self.rng, self.registers, address_bits=self.address_bits) for _ in range(count)]


@cocotb.test()
async def every_register_and_every_byte(dut: Any) -> None:
    """Directed: all ones, all zeros and every pattern of strobes at every register, and at addresses without one."""
    bench = RegisterBench(dut)
    await bench.start()
    every = bench.every_address()
    await bench.check([], every)
    for data in (0xFFFFFFFF, 0x00000000, 0x55AA33CC):
        await bench.check([(address, data, 0xF) for address in every], every)
    for register in bench.registers:
        for strobes in range(16):
            await bench.check([(register.address, bench.rng.getrandbits(32), strobes)], [register.address])


@cocotb.test()
async def random_accesses_under_every_pair_of_profiles(dut: Any) -> None:
    """Constrained random; channels under profiles of their own, so that address and data come in any order."""
    bench = RegisterBench(dut)
    await bench.start()
    for idle in PROFILES.values():
        for stall in PROFILES.values():
            for late in ({}, {"w": PROFILES["rare"]}, {"aw": PROFILES["rare"]}):
                profiles = {"aw": idle, "w": idle, "ar": idle, "b": stall, "r": stall, **late}
                await bench.check(bench.some_writes(6), bench.some_reads(6), profiles=profiles)
            hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def reads_go_on_while_a_write_waits(dut: Any) -> None:
    """Nobody takes the answer to a write, and the other way round."""
    bench = RegisterBench(dut)
    await bench.start()
    register = bench.of("read-write")[0]
    writes, reads = [(register.address, data, 0xF) for data in range(8)], [register.address] * 8
    answers = await bench.master.exchange(writes, reads, profiles={"b": PROFILES["rare"]})
    assert answers.accepted["r"][-1] < answers.accepted["b"][-1], "reads must not wait for writes"
    values = [value for value, _ in answers.r]
    assert all(value in (*range(8), register.reset) for value in values), "a value must be one that was written"
    answers = await bench.master.exchange(writes, reads, profiles={"r": PROFILES["rare"]})
    assert answers.accepted["b"][-1] < answers.accepted["r"][-1], "writes must not wait for reads"
    hit("read while a write waits")


@cocotb.test()
async def setting_wins_over_clearing(dut: Any) -> None:
    """Bits are set in every cycle of a clear, one cycle at a time: one bit, all, and any."""
    bench = RegisterBench(dut)
    await bench.start()
    for register in bench.of("write-1-to-clear"):
        port = getattr(bench.dut, f"{register.name}_set")
        for bits, chosen in itertools.product((1, register.mask, bench.rng.getrandbits(register.bits)), range(4)):

            def set_once(
                cycle: int, is_settled: bool, bits: int = bits, port: Any = port, chosen: int = chosen
            ) -> None:
                if not is_settled:
                    port.value = bits if cycle == chosen else 0

            await bench.master.exchange([(register.address, bits, 0xF)], watch=set_once)
            port.value = 0
            # Address and data are accepted in cycle 0; the write happens in the next.
            bench.model.values[register.name] &= ~bits
            bench.model.values[register.name] |= bits if chosen >= 1 else 0
            assert bench.values()[register.name] == bench.model.values[register.name], f"set in cycle {chosen}"
        hit("set and cleared at once")


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle of accesses; then values are those of a reset, and accesses work."""
    bench = RegisterBench(dut)
    await bench.start()
    for cycles in range(1, 12):
        for stall in ("always", "rare"):
            profiles = {"b": PROFILES[stall], "r": PROFILES[stall]}
            writes, reads = bench.some_writes(8), bench.some_reads(8)
            done = await bench.master.exchange(writes, reads, profiles=profiles, cycles=cycles)
            await bench.reset()
            if len(done.accepted["aw"]) > len(done.b):
                hit("reset with a write under way")
            if len(done.accepted["ar"]) > len(done.r):
                hit("reset with a read under way")
            bench.pulses.clear()
            await bench.check([], [register.address for register in bench.registers])
            await bench.check(bench.some_writes(4), bench.some_reads(4))


@cocotb.test()
async def declared_latencies(dut: Any) -> None:
    """Answers come as late as the component says, and as often, at full speed."""
    bench = RegisterBench(dut)
    await bench.start()
    answers = await bench.master.exchange([(0, 0, 0)] * 5, [0] * 5)
    for sent, answered, cycles, interval in (
        ("aw", "b", REGISTERS_WRITE, REGISTERS_WRITE_INTERVAL),
        ("w", "b", REGISTERS_WRITE, REGISTERS_WRITE_INTERVAL),
        ("ar", "r", REGISTERS_READ, REGISTERS_READ_INTERVAL),
    ):
        pairs = zip(answers.accepted[sent], answers.offered[answered], strict=True)
        found = {offered - accepted for accepted, offered in pairs}
        assert found == {cycles}, f"latency of {sent.upper()} must be {cycles}, not {found}"
        gaps = {after - before for before, after in itertools.pairwise(answers.accepted[sent])}
        assert gaps == {interval}, f"{sent.upper()} must be accepted every {interval} cycles, not {gaps}"
    hit("latencies as declared")


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
