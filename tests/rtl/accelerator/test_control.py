# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a unit that is refused is never elaborated)
"""The control unit: instructions start in the cycles that the timing model says, and none after an error."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module

from tests.rtl.accelerator.control_bench import MACHINE, Bench, Step, program_bytes, random_program, starts_of
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.control import ControlUnit
from vitaccel_rtl.accelerator.control_map import COUNTERS, DONE, ERROR, PARAMETERS, STOP, error_code
from vitaccel_rtl.accelerator.issue_timing import Issued, Replayed, replay
from vitaccel_rtl.accelerator.tokens import Tokens
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.axi_memory import DECODE_ERROR, SLAVE_ERROR, Behaviour

ADDRESS = 0x1000
LATENCY = 9
IS_DONE = 2


def memory_of(image: bytes, address: int = ADDRESS) -> bytearray:
    content = bytearray(1 << 16)
    content[address : address + len(image)] = image
    return content


def expected_of(steps: Sequence[Step], memory_latency: int = LATENCY, **built: int) -> Replayed:
    return replay([step.issued for step in steps], memory_latency=memory_latency, **built)


def bench_of(image: bytes, latency_cycles: int = LATENCY, **parameters: Any) -> Bench:
    return Bench(content=memory_of(image), behaviour=Behaviour(latency=latency_cycles), **parameters)


async def check_run(bench: Bench, steps: Sequence[Step], memory_latency: int = LATENCY, **built: int) -> None:
    """Run what is in memory, and require every start and every count to be the model's."""
    expected = expected_of(steps, memory_latency, **built)
    await bench.start(steps, ADDRESS)
    assert await bench.rest() == IS_DONE
    assert starts_of(bench, steps) == list(expected.starts)
    assert await bench.read("cycles_low") == expected.cycles
    assert await bench.read("cycles_high") == 0
    assert await bench.read("instructions") == len(steps)
    assert bench.interrupts[0] == expected.cycles + 1, "the cycle after the one in which it is pending"
    assert await bench.read("interrupt_pending") == 1 << DONE
    for name in isa.ENGINES:
        counts = {kind: await bench.read(f"{kind}_{name}") for kind in COUNTERS}
        own = [
            (start, done)
            for step, start, done in zip(steps, expected.starts, expected.dones, strict=True)
            if step.issued.engine == name
        ]
        assert counts["completed"] == len(own)
        assert counts["busy"] == len({cycle for start, done in own for cycle in range(start + 1, done + 1)})
        assert counts["busy"] + counts["waiting"] + counts["idle"] == expected.cycles
    await bench.write("interrupt_pending", 3)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(("latency_cycles", "ahead", "queued"), [(5, 8, 8), (60, 3, 1), (200, 14, 2)])
def test_starts_are_those_of_the_model(latency_cycles: int, ahead: int, queued: int, quick: bool, seed: int) -> None:
    steps = random_program(random.Random(seed), 24, quick=quick)
    bench = bench_of(program_bytes(steps), latency_cycles, ahead=ahead, queued=queued)
    bench.simulate(lambda bench: check_run(bench, steps, latency_cycles, ahead=ahead, queued=queued))


def test_a_program_may_cross_pages_and_the_next_one_is_as_exact(seed: int) -> None:
    """Twice the same program, so that nothing of a run is left to the next."""
    steps = random_program(random.Random(seed), 34, quick=True)

    async def host(bench: Bench) -> None:
        await check_run(bench, steps)
        await check_run(bench, steps)

    bench_of(program_bytes(steps)).simulate(host)


def test_a_program_without_instructions_ends() -> None:
    bench_of(program_bytes([])).simulate(lambda bench: check_run(bench, []))


def test_results_do_not_depend_on_when_the_memory_answers(seed: int) -> None:
    """Under stalls nothing starts sooner than the model says for the memory at its best, and everything does start."""
    steps = random_program(random.Random(seed), 24, quick=True)
    behaviour = Behaviour("stalls", latency=3, jitter=30, stall=0.5)
    bench = Bench(content=memory_of(program_bytes(steps)), behaviour=behaviour, seed=seed)

    async def host(bench: Bench) -> None:
        await bench.start(steps, ADDRESS)
        assert await bench.rest() == IS_DONE

    bench.simulate(host)
    starts = starts_of(bench, steps)
    assert len(starts) == len(steps)
    assert all(late >= at for late, at in zip(starts, expected_of(steps, 3).starts, strict=True))


def check_error(bench: Bench, steps: Sequence[Step], name: str, most: int) -> None:
    """Run what is in memory into an error; then repair the memory, and see the program run."""

    async def host(bench: Bench) -> None:
        await bench.start(steps, ADDRESS)
        assert await bench.rest() == error_code(name) << 4
        assert await bench.read("interrupt_pending") == 1 << ERROR
        assert bench.interrupts
        begun = starts_of(bench, steps)
        assert len(begun) <= most
        assert all(at in expected_of(steps).starts for at in begun)
        assert sum([await bench.read(f"completed_{engine}") for engine in isa.ENGINES]) == len(begun)
        await bench.write("interrupt_pending", 1 << ERROR)
        image = program_bytes(steps)
        bench.memory.content[ADDRESS : ADDRESS + len(image)] = image
        bench.memory.errors.clear()
        bench.faults.clear()
        await check_run(bench, steps)

    bench.simulate(host)


@pytest.mark.parametrize("name", ["magic", "version", *(field.name for field in PARAMETERS)])
def test_a_program_for_another_machine_is_refused(name: str, seed: int) -> None:
    steps = random_program(random.Random(seed), 3, quick=True)
    wrong = {**MACHINE, "magic": isa.MAGIC, "version": isa.VERSION}[name] ^ 1 << random.Random(seed).randrange(32)
    bench = bench_of(program_bytes(steps, **{name: wrong}))
    check_error(bench, steps, name if name in ("magic", "version") else "machine", most=0)


def test_a_program_too_long_is_refused(seed: int) -> None:
    steps = random_program(random.Random(seed), 2, quick=True)
    check_error(bench_of(program_bytes(steps, instructions=1 << 20)), steps, "length", most=0)


def test_a_header_that_cannot_be_read_is_refused(seed: int) -> None:
    steps = random_program(random.Random(seed), 2, quick=True)
    errors = {ADDRESS + 8 * random.Random(seed).randrange(8): SLAVE_ERROR}
    check_error(bench_of(program_bytes(steps), errors=errors), steps, "fetch", most=0)


@pytest.mark.parametrize("beat", [0, 7, 15])
def test_an_instruction_that_cannot_be_read_is_not_started(beat: int, seed: int) -> None:
    """Nor is one after it; also where its queue is empty and its engine ready."""
    rng = random.Random(seed)
    steps = [Step(Issued(engine="compute", occupied=1, latency=1), isa.MATMUL.encode({"a": n})) for n in range(12)]
    bad = rng.randrange(12)
    errors = {ADDRESS + isa.HEADER_BYTES + isa.INSTRUCTION_BYTES * bad + 8 * beat: DECODE_ERROR}
    check_error(bench_of(program_bytes(steps), errors=errors), steps, "fetch", most=bad)


def test_an_operation_that_there_is_not_is_not_started(seed: int) -> None:
    rng = random.Random(seed)
    steps = random_program(rng, 12, quick=True)
    bad = rng.randrange(12)
    image = bytearray(program_bytes(steps))
    unknown = rng.choice([code for code in range(256) if code not in isa.BY_CODE])
    image[isa.HEADER_BYTES + isa.INSTRUCTION_BYTES * bad] = unknown
    check_error(bench_of(bytes(image)), steps, "operation", most=bad)


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_of_an_engine_ends_the_run(place: int, seed: int) -> None:
    rng = random.Random(seed)
    steps = random_program(rng, 12, quick=False)
    bench = bench_of(program_bytes(steps))
    at = rng.randrange(1, expected_of(steps).cycles - 5)
    bench.faults.add((place, at))
    check_error(bench, steps, ("load", "store")[place], most=sum(s <= at for s in expected_of(steps).starts))


def test_an_error_after_a_run_is_none() -> None:
    async def host(bench: Bench) -> None:
        await check_run(bench, [])
        bench.faults |= {(0, bench.cycle + 1), (1, bench.cycle + 2)}
        for _ in range(9):
            await bench.tick()
        assert await bench.read("status") == IS_DONE

    bench_of(program_bytes([])).simulate(host)


def test_a_stop_ends_a_run_and_the_next_is_as_exact(seed: int) -> None:
    rng = random.Random(seed)
    steps = random_program(rng, 16, quick=True)
    expected = expected_of(steps)

    async def host(bench: Bench) -> None:
        for _ in range(3):
            await bench.start(steps, ADDRESS)
            while bench.cycle < stop_at:
                await bench.tick()
            await bench.write("control", 1 << STOP)
            assert await bench.rest() == 0
            begun = starts_of(bench, steps)
            assert len(begun) == sum(start <= stop_at + 2 for start in expected.starts)
            assert await bench.read("interrupt_pending") == 0
        await check_run(bench, steps)

    stop_at = rng.randrange(4, expected.cycles - 4)
    bench_of(program_bytes(steps)).simulate(host)


def test_a_program_that_waits_for_what_never_comes_can_be_stopped(seed: int) -> None:
    steps = random_program(random.Random(seed), 4, quick=True)
    never = [Step(Issued(engine="store", occupied=1, latency=1), isa.STORE.encode({"wait_vector": 99}))]

    async def host(bench: Bench) -> None:
        image = program_bytes(never)
        bench.memory.content[ADDRESS : ADDRESS + len(image)] = image
        await bench.start(never, ADDRESS)
        for _ in range(300):
            await bench.tick()
        assert await bench.read("status") == 1
        assert await bench.read("waiting_store") > 150
        await bench.write("control", 1 << STOP)
        assert await bench.rest() == 0
        assert starts_of(bench, never) == []
        image = program_bytes(steps)
        bench.memory.content[ADDRESS : ADDRESS + len(image)] = image
        await check_run(bench, steps)

    bench_of(b"").simulate(host)


def test_a_start_while_a_program_runs_does_nothing(seed: int) -> None:
    steps = random_program(random.Random(seed), 8, quick=True)

    async def host(bench: Bench) -> None:
        await bench.start(steps, ADDRESS)
        for _ in range(60):
            await bench.tick()
        await bench.write("control", 1)
        await bench.rest()

    bench = bench_of(program_bytes(steps))
    bench.simulate(host)
    assert starts_of(bench, steps) == list(expected_of(steps).starts)


def test_the_host_reads_what_the_machine_is() -> None:
    async def host(bench: Bench) -> None:
        assert await bench.read("identity") == isa.MAGIC
        assert await bench.read("version") == isa.VERSION
        assert {field.name: await bench.read(field.name) for field in PARAMETERS} == MACHINE

    bench_of(b"").simulate(host)


class LateTokens(Tokens):
    """Counts a completion a cycle late."""

    def elaborate(self, platform: Any) -> Any:
        m = Module()
        m.submodules.inner = inner = Tokens()
        m.d.comb += inner.clear.eq(self.clear)
        for done, late, count, own in zip(self.done, inner.done, inner.counts, self.counts, strict=True):
            m.d.sync += late.eq(done)
            m.d.comb += own.eq(count)
        return m


def test_a_token_a_cycle_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a `done` two cycles before a frame the difference is a frame."""
    monkeypatch.setattr("vitaccel_rtl.accelerator.issue.Tokens", LateTokens)
    first = Step(Issued(engine="load", occupied=6, latency=206), isa.LOAD.encode({}))
    second = Issued(engine="store", waits=(1, 0, 0, 0), occupied=1, latency=1)
    steps = [first, Step(second, isa.STORE.encode({"wait_load": 1}))]
    with pytest.raises(AssertionError):
        bench_of(program_bytes(steps)).simulate(lambda bench: check_run(bench, steps))


def test_its_verilog_is_clean() -> None:
    verilog = to_verilog(ControlUnit(parameters=MACHINE))
    assert {"s_axi_awaddr", "p_axi_araddr", "p_axi_rdata", "phase", "interrupt"} <= {p.name for p in verilog.ports}
    assert lint(verilog) == ()


def test_parameters_that_are_none_are_refused() -> None:
    refuses(
        "side of a header must be an integer from 0 to 4294967295, not -1",
        ControlUnit,
        parameters={**MACHINE, "side": -1},
    )
    names = ", ".join(sorted({"magic", "version", *MACHINE}))
    fewer = ", ".join(sorted({"magic", "version", *MACHINE} - {"side"}))
    parameters = {name: value for name, value in MACHINE.items() if name != "side"}
    refuses(f"header of a program must have {names}, not {fewer}", ControlUnit, parameters=parameters)
    refuses("instructions of a queue must be an integer from 1 to 64, not 0", ControlUnit, parameters=MACHINE, queued=0)
    refuses("instructions read ahead must be an integer from 2 to 14, not 1", ControlUnit, parameters=MACHINE, ahead=1)
