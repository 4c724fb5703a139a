# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect
from amaranth.sim import Simulator

from tests.rtl.axi_lite_bench import Traffic, drive
from tests.rtl.stream_bench import PERIOD, PROFILES, Profile, refuses
from vitaccel_rtl.axi_lite import OKAY, AxiLiteSignature
from vitaccel_rtl.lint import lint
from vitaccel_rtl.register_map import Register
from vitaccel_rtl.registers import Registers
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.register_model import RegisterModel, Write, random_address, random_write

CONTROL = Register(name="control", address=0x0, access="write-pulse", bits=3)
STATUS = Register(name="status", address=0x4, access="read-only", bits=17)
INTERRUPTS = Register(name="interrupts", address=0x8, access="write-1-to-clear", bits=12, reset=0x801)
PROGRAM = Register(name="program", address=0x10, reset=0xDEADBEEF)
LENGTH = Register(name="length", address=0x1C, bits=20, reset=7)
EVERY_KIND = (LENGTH, CONTROL, PROGRAM, INTERRUPTS, STATUS)
MAPS = {
    "one": (PROGRAM,),
    "four": (CONTROL, STATUS, INTERRUPTS, LENGTH),
    "every kind": EVERY_KIND,
    "only read": (STATUS,),
    "many": tuple(Register(name=f"r{i}", address=4 * i, bits=i + 1, reset=i % 2) for i in range(32)),
}


def random_writes(rng: random.Random, registers: tuple[Register, ...], count: int) -> list[Write]:
    return [random_write(rng, registers, address_bits=10) for _ in range(count)]


def traffic_of(writes: list[Write], reads: list[int] | None = None) -> Traffic:
    return Traffic(
        aw=[(address,) for address, _, _ in writes],
        w=[(data, strobes) for _, data, strobes in writes],
        ar=[(address,) for address in reads or []],
    )


def hold(block: Registers, held: dict[str, int]) -> Any:
    async def setup(ctx: Any) -> None:
        for name, value in held.items():
            ctx.set(getattr(block, name), value)

    return setup


def check_against_the_model(
    registers: tuple[Register, ...], seed: int, profiles: dict[str, Profile] | None = None, *, count: int = 40
) -> None:
    """Phases of a few writes, and reads of all addresses after each."""
    rng = random.Random(seed)
    held = {register.name: rng.getrandbits(register.bits) for register in registers if register.access == "read-only"}
    model = RegisterModel(registers, held)
    phases, answers = [], []
    for writes in (random_writes(rng, registers, 5) for _ in range(count // 5)):
        reads = [random_address(rng, registers, address_bits=10) for _ in range(6)]
        phases += [traffic_of(writes), traffic_of([], reads)]
        answers += [[(model.write(*write),) for write in writes], [model.read(address) for address in reads]]
    block = Registers(registers, address_bits=10)
    drive(block, *phases, profiles=profiles, seed=seed, setup=hold(block, held))
    for phase, expected in zip(phases, answers, strict=True):
        assert (phase.b or phase.r) == expected


@pytest.mark.parametrize("name", MAPS)
def test_registers_hold_what_the_model_holds(name: str, seed: int) -> None:
    check_against_the_model(MAPS[name], seed)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("late", ["aw", "w", "none", "b and r"])
def test_channels_may_idle_and_stall_on_their_own(profile: Profile, late: str, seed: int) -> None:
    """Address long before data, data long before address, or both as the profile has them."""
    slow = Profile("slow", idle=0.9, stall=0.9)
    profiles = dict.fromkeys(("aw", "w", "ar", "b", "r"), profile)
    profiles |= {name: slow for name in profiles if name in late.split(" and ")}
    check_against_the_model(EVERY_KIND, seed, profiles)


def test_reads_and_writes_do_not_wait_for_each_other() -> None:
    never = Profile("never", stall=1.0)
    block = Registers(EVERY_KIND)
    reads = [PROGRAM.address] * 20
    stuck = Traffic(aw=[], w=[], ar=[(address,) for address in reads])

    async def offer_a_write(ctx: Any) -> None:
        ctx.set(block.axi.awvalid, 1)
        ctx.set(block.axi.awaddr, LENGTH.address)

    drive(block, stuck, setup=offer_a_write, profiles={"b": never})
    assert stuck.r == [(PROGRAM.reset, OKAY)] * 20
    writes = [(PROGRAM.address, value, 0xF) for value in range(20)]
    waiting = traffic_of(writes)

    async def offer_a_read(ctx: Any) -> None:
        ctx.set(block.axi.arvalid, 1)

    block = Registers(EVERY_KIND)
    drive(block, waiting, setup=offer_a_read, profiles={"r": never})
    assert waiting.b == [(OKAY,)] * 20


@pytest.mark.parametrize("name", MAPS)
def test_answers_come_as_late_as_declared(name: str) -> None:
    registers = MAPS[name]
    block = Registers(registers)
    address = registers[-1].address
    traffic = traffic_of([(address, 5, 0xF)] * 6, [address] * 6)
    drive(block, traffic)
    pairs = zip(traffic.offered["r"], traffic.accepted["ar"], strict=True)
    assert {offered - accepted for offered, accepted in pairs} == {block.read_latency_cycles} == {3}
    pairs = zip(traffic.offered["b"], traffic.accepted["aw"], strict=True)
    assert {offered - accepted for offered, accepted in pairs} == {block.write_latency_cycles} == {2}
    for channel, interval in (("aw", 3), ("w", 3), ("ar", 4)):
        assert traffic.accepted[channel] == list(range(0, 6 * interval, interval)), "the cycle after an answer"


@pytest.mark.parametrize(("aw", "w"), [(0, 7), (7, 0), (0, 1), (1, 0), (3, 3)])
def test_address_and_data_come_in_any_order(aw: int, w: int) -> None:
    """Each once, at a cycle of its own; the answer and the new value are there two cycles after the later of them."""
    block = Registers(EVERY_KIND)
    seen = []

    async def bench(ctx: Any) -> None:
        ctx.set(block.axi.awaddr, LENGTH.address)
        ctx.set(block.axi.wdata, 0x12345)
        ctx.set(block.axi.wstrb, 0xF)
        for cycle in range(12):
            ctx.set(block.axi.awvalid, cycle == aw)
            ctx.set(block.axi.wvalid, cycle == w)
            assert ctx.get(block.axi.awready) == (cycle <= aw)
            assert ctx.get(block.axi.wready) == (cycle <= w)
            seen.append((ctx.get(block.axi.bvalid), ctx.get(block.length)))
            await ctx.tick()

    simulate(block, bench)
    there = max(aw, w) + block.write_latency_cycles
    assert seen == [(0, LENGTH.reset)] * there + [(1, 0x12345)] * (12 - there)


def simulate(component: Any, bench: Any) -> None:
    simulator = Simulator(component)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_pulse_lasts_one_cycle_and_is_never_read() -> None:
    block = Registers(EVERY_KIND)
    pulses = []
    traffic = traffic_of([(0, 0b101, 0xF), (0, 0b010, 0xE), (0, 0xFFFFFFFF, 0x1), (4, 7, 0xF)], [0] * 12)
    drive(block, traffic, watch=lambda ctx, _: pulses.append(ctx.get(block.control)))
    assert [pulse for pulse in pulses if pulse] == [0b101, 0b111]
    assert [pulses.index(pulse) for pulse in (0b101, 0b111)] == [traffic.offered["b"][place] for place in (0, 2)]
    assert traffic.r == [(0, OKAY)] * 12


def test_setting_a_bit_wins_over_clearing_it() -> None:
    block = Registers(EVERY_KIND)
    traffic = traffic_of([(INTERRUPTS.address, 0xFFF, 0xF)])
    seen = []

    def watch(ctx: Any, cycle: int) -> None:
        # The write happens in cycle 1, between acceptance and answer.
        ctx.set(block.interrupts_set, {0: 0x010, 1: 0x120, 3: 0x400}.get(cycle, 0))
        seen.append(ctx.get(block.interrupts))

    drive(block, traffic, watch=watch)
    assert seen[:5] == [0x801, 0x811, 0x120, 0x120, 0x520]


def test_a_read_only_value_is_that_of_the_cycle_before_its_answer() -> None:
    block = Registers(EVERY_KIND)
    traffic = traffic_of([], [STATUS.address] * 5)
    drive(block, traffic, watch=lambda ctx, cycle: ctx.set(block.status, cycle))
    assert [value for value, _ in traffic.r] == [cycle - 1 for cycle in traffic.offered["r"]]


@pytest.mark.parametrize("cycles", [1, 2, 3, 4])
def test_a_reset_forgets_values_and_what_is_under_way(cycles: int) -> None:
    block = Registers(EVERY_KIND)
    reset = Signal()

    async def interrupt(ctx: Any) -> None:
        for wire, value in {"awvalid": 1, "wvalid": 1, "wdata": 99, "wstrb": 15, "arvalid": 1}.items():
            ctx.set(getattr(block.axi, wire), value)
        ctx.set(block.axi.awaddr, LENGTH.address)
        await ctx.tick().repeat(cycles)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    traffic = traffic_of([(PROGRAM.address, 1, 0xF)], [LENGTH.address, INTERRUPTS.address])
    drive(block, traffic, setup=interrupt, reset=reset)
    assert traffic.r == [(LENGTH.reset, OKAY), (INTERRUPTS.reset, OKAY)]
    assert traffic.b == [(OKAY,)]


class Deaf(Registers):
    """Does not listen to strobes."""

    def _update(self, m: Module, register: Register, is_written: Any, data: Any, mask: Any) -> None:
        super()._update(m, register, is_written, data, mask | ~mask)


def test_a_block_that_ignores_strobes_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setitem(globals(), "Registers", Deaf)
    with pytest.raises(AssertionError):
        check_against_the_model((PROGRAM,), seed)


def test_ports_have_the_names_that_tools_know() -> None:
    verilog = to_verilog(Registers(EVERY_KIND), name="registers")
    ports = {port.name: (port.width, port.is_input) for port in verilog.ports}
    assert ports["s_axi_awaddr"] == (5, True)
    assert ports["s_axi_wstrb"] == (4, True)
    assert ports["s_axi_bresp"] == (2, False)
    assert ports["s_axi_rdata"] == (32, False)
    assert ports["status"] == (17, True)
    assert ports["interrupts"] == (12, False)
    assert ports["interrupts_set"] == (12, True)
    assert len(ports) == 19 + len(EVERY_KIND) + 1 + 2


@pytest.mark.parametrize("name", MAPS)
def test_the_verilog_is_clean(name: str) -> None:
    assert lint(to_verilog(Registers(MAPS[name]), name="registers")) == ()


def test_the_interface_connects_to_a_master() -> None:
    class Master(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"bus": Out(AxiLiteSignature(address_bits=5))})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.d.comb += [self.bus.arvalid.eq(1), self.bus.araddr.eq(PROGRAM.address), self.bus.rready.eq(1)]
            return m

    m = Module()
    m.submodules.master, m.submodules.registers = master, registers = Master(), Registers(EVERY_KIND)
    connect(m, master.bus, registers.axi)
    values = []

    async def bench(ctx: Any) -> None:
        for _ in range(5):
            values.append((ctx.get(master.bus.rvalid), ctx.get(master.bus.rdata)))
            await ctx.tick()

    simulate(m, bench)
    assert (1, PROGRAM.reset) in values


def test_maps_and_widths_that_cannot_be_are_refused() -> None:
    refuses("register 'program' must be declared once, not twice", Registers, (PROGRAM, PROGRAM))
    refuses("address_bits of registers must be an integer from 5 to 32, not 4", Registers, EVERY_KIND, address_bits=4)
    clash = Register(name="interrupts_set", address=0x20)
    message = "port 'interrupts_set' of register 'interrupts_set' must have a name of its own"
    refuses(message, Registers, (INTERRUPTS, clash))
    for name in ("clk", "rst", "axi", "s_axi_awaddr", "elaborate", "registers"):
        message = f"port '{name}' of register '{name}' must have a name of its own"
        refuses(message, Registers, (Register(name=name, address=0),))
    refuses("address_bits of AXI4-Lite must be an integer from 3 to 64, not 2", AxiLiteSignature, address_bits=2)


def test_signatures_of_the_same_width_are_equal() -> None:
    assert AxiLiteSignature(address_bits=5) == AxiLiteSignature(address_bits=5)
    assert AxiLiteSignature(address_bits=5) != AxiLiteSignature(address_bits=6)
