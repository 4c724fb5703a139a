"""The simulated system: bytes copied right, cycles as the DMA's formulas say, broken rules of AXI told."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sim.accelerator.loopback import BREAKS, JOBS, PROGRAM_GEOMETRY, REGISTERS, loopback_model, program
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_cycles import buffer_beats
from vitaccel_rtl.dma_timing import Job, ReadEngine, WriteEngine
from vitaccel_sim.accelerator.behaviour import CHANNELS, MemoryBehaviour
from vitaccel_sim.accelerator.driver import AcceleratorError
from vitaccel_sim.accelerator.runner import SimulatedAccelerator
from vitaccel_sim.accelerator.system import System
from vitaccel_sim.bench.axi_rules import RuleError
from vitaccel_sim.model import Model

POINTS: tuple[dict[str, int], ...] = (
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 4},
    {"data_bits": 512, "word_bytes": 12, "burst_beats": 256, "outstanding": 2},
    {"data_bits": 32, "word_bytes": 5, "burst_beats": 7, "outstanding": 8, "align_bytes": 5},
)
PLAIN = POINTS[0]
SOME = tuple(
    pytest.param(point, marks=[pytest.mark.full] * (at == 2), id=str(point)) for at, point in enumerate(POINTS)
)
DRAM_BYTES = 1 << 17
SOURCE, DESTINATION = 0x1000, 0x10000
LIMIT = 200_000


def accelerator(point: dict[str, int], content: int, **options: Any) -> SimulatedAccelerator:
    """Return a machine with random bytes in its memory."""
    made = SimulatedAccelerator(loopback_model(point), REGISTERS, dram_bytes=DRAM_BYTES, **options)
    made.system.dram[:] = np.random.default_rng(content).integers(0, 256, DRAM_BYTES, np.uint8)
    return made


def drawn_job(point: dict[str, int], seed: int) -> Job:
    """Draw rows that fit between source and destination, and on chip."""
    rng = random.Random(seed)
    align = point.get("align_bytes", point["word_bytes"])
    rows, row_bytes = rng.randint(1, 12), rng.randint(1, 900)
    stride_bytes = (-(-row_bytes // align) + rng.choice((0, 1, 9))) * align
    return Job(address=-(-SOURCE // align) * align, rows=rows, row_bytes=row_bytes, stride_bytes=stride_bytes)


def copied(before: bytes, job: Job, destination: int) -> bytes:
    """Return what the memory must hold after a copy."""
    after = bytearray(before)
    for row in range(job.rows):
        at, to = job.address + row * job.stride_bytes, destination + row * job.stride_bytes
        after[to : to + job.row_bytes] = before[at : at + job.row_bytes]
    return bytes(after)


def copy(machine: SimulatedAccelerator, job: Job, align: int = 1) -> int:
    """Copy a job, require that the memory holds what it must, and return the cycles."""
    destination = -(-DESTINATION // align) * align
    machine.load(0, program(job, destination))
    before = machine.fetch(0, DRAM_BYTES)
    cycles = machine.run(0, LIMIT)
    assert machine.fetch(0, DRAM_BYTES) == copied(before, job, destination)
    return cycles


def declared_cycles(point: dict[str, int], job: Job, latency_cycles: int) -> list[int]:
    """Return the cycles of the program's job, of reading and of writing, from the formulas of the engines."""
    geometry = Geometry(**point)

    def reads(shape: Any, work: Job) -> int:
        parameters = {**shape.sizes, "burst_beats": shape.longest_burst, "outstanding": shape.outstanding}
        beats = buffer_beats(shape.outstanding, shape.longest_burst)
        return ReadEngine(**parameters, buffer_beats=beats, latency_cycles=latency_cycles).job(work, 0)

    parameters = {**geometry.sizes, "burst_beats": geometry.longest_burst, "outstanding": geometry.outstanding}
    align = geometry.row_align_bytes
    written = Job(
        address=-(-DESTINATION // align) * align, rows=job.rows, row_bytes=job.row_bytes, stride_bytes=job.stride_bytes
    )
    return [
        reads(PROGRAM_GEOMETRY, Job(address=0, row_bytes=16)),
        reads(geometry, job),
        WriteEngine(**parameters, latency_cycles=latency_cycles).job(written, 0),
    ]


@pytest.mark.parametrize("latency_cycles", [1, 20, 133])
@pytest.mark.parametrize("point", SOME)
def test_bytes_are_copied_in_the_cycles_that_are_declared(
    point: dict[str, int], latency_cycles: int, seed: int
) -> None:
    machine = accelerator(point, seed, behaviour=MemoryBehaviour(latency_cycles=latency_cycles))
    for more in range(4):
        job = drawn_job(point, seed + more)
        copy(machine, job, point.get("align_bytes", point["word_bytes"]))
        assert [machine.read(f"{name}_cycles") for name in JOBS] == declared_cycles(point, job, latency_cycles)


def test_a_cycle_of_latency_more_is_seen(seed: int) -> None:
    job = drawn_job(PLAIN, seed)
    machine = accelerator(PLAIN, seed, behaviour=MemoryBehaviour(latency_cycles=21))
    copy(machine, job, 8)
    measured = [machine.read(f"{name}_cycles") for name in JOBS]
    assert all(slow > quick for slow, quick in zip(measured, declared_cycles(PLAIN, job, 20), strict=True))


@pytest.mark.parametrize("channel", [*CHANNELS, "all"])
@pytest.mark.parametrize("point", SOME)
def test_stalls_change_cycles_and_no_byte(point: dict[str, int], channel: str, seed: int) -> None:
    behaviour = MemoryBehaviour(stalls=dict.fromkeys(CHANNELS if channel == "all" else (channel,), 0.8))
    align = point.get("align_bytes", point["word_bytes"])
    job = Job(address=-(-SOURCE // align) * align, rows=9, row_bytes=300, stride_bytes=301 * align)
    took = [copy(accelerator(point, seed, behaviour=behaviour, seed=number), job, align) for number in (*range(9), 0)]
    unhindered = copy(accelerator(point, seed), job, align)
    assert took[0] == took[-1], "one seed, the same stalls"
    assert min(took) >= unhindered
    # Addresses of writes may be late without any harm: their data are later.
    assert max(took) > unhindered or channel == "aw"


@pytest.mark.parametrize("order", ["data first", "address first"])
def test_channels_may_wait_for_each_other(order: str, seed: int) -> None:
    machine = accelerator(PLAIN, seed, behaviour=MemoryBehaviour(order=order, jitter_cycles=9, stalls={"aw": 0.3}))
    copy(machine, drawn_job(PLAIN, seed), 8)


@pytest.mark.parametrize(("beats", "beats_cycles"), [(1, 2), (2, 3), (7, 8)])
def test_bandwidth_is_what_was_said(beats: int, beats_cycles: int, seed: int) -> None:
    job = Job(address=SOURCE, row_bytes=8 * 840)
    machine = accelerator(
        PLAIN, seed, behaviour=MemoryBehaviour(latency_cycles=1, beats=beats, beats_cycles=beats_cycles)
    )
    copy(machine, job, 8)
    traffic = machine.system.traffic()
    for direction in ("read", "write"):
        moved = traffic["m_axi", direction]
        assert moved.beats == 840
        assert abs((moved.last_beat - moved.first_beat) * beats - 839 * beats_cycles) <= 2 * beats_cycles


def test_traffic_is_counted(seed: int) -> None:
    machine = accelerator(PLAIN, seed, behaviour=MemoryBehaviour(latency_cycles=200))
    copy(machine, Job(address=SOURCE, row_bytes=4096), 8)
    traffic = machine.system.traffic()
    assert set(traffic) == {("m_axi", "read"), ("m_axi", "write"), ("p_axi", "read")}
    assert (traffic["m_axi", "read"].bursts, traffic["m_axi", "read"].beats) == (32, 512)
    assert {traffic["m_axi", direction].most_in_flight for direction in ("read", "write")} == {4}
    assert (traffic["p_axi", "read"].bursts, traffic["p_axi", "read"].beats) == (1, 2)
    assert all(each.in_flight == 0 for each in traffic.values())


RULES = {
    "no last": r"m_axi W: no WLAST with beat 16 of a burst",
    "last too early": r"m_axi W: WLAST with beat 1 of a burst of 16",
    "page": r"m_axi AR: 16 beats at 0x1fc0 cross 4 KiB",
    "place in beat": r"m_axi AR: a burst must begin with a whole beat, not at 0x1001",
    "outside": r"m_axi AW: a burst must lie in the 131072 bytes from 0, not at 0x80010000",
    "address changes": r"m_axi AW: the payload changed before the word was accepted",
    "data change": r"m_axi W: the payload changed before the word was accepted",
    "valid falls": r"m_axi W: valid fell before the word was accepted",
    "burst type": r"m_axi AR: a burst must be INCR and of 8 bytes, not 0 and 8",
    "beat size": r"m_axi AW: a burst must be INCR and of 8 bytes, not 1 and 4",
}


@pytest.mark.parametrize("broken", BREAKS[1:-1])
def test_a_rule_that_is_broken_is_told(broken: str, seed: int) -> None:
    waits = {"aw": 0.9} if broken == "address changes" else {"w": 0.9}
    machine = accelerator(PLAIN, seed, behaviour=MemoryBehaviour(stalls=waits))
    machine.load(0, program(Job(address=SOURCE, row_bytes=256), DESTINATION))
    machine.write("broken", BREAKS.index(broken))
    with pytest.raises(RuleError, match=rf"^cycle \d+: {RULES[broken]}$"):
        machine.run(0, LIMIT)
    machine.system.reset()
    copy(machine, drawn_job(PLAIN, seed), 8)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"longest_burst": 15}, "m_axi AR: a burst must have at most 15 beats, not 16"),
        ({"in_flight": 3}, "m_axi AR: at most 3 bursts may be in flight, not 4"),
    ],
)
def test_more_than_it_was_built_for_is_told(limits: dict[str, int], sentence: str, seed: int) -> None:
    machine = accelerator(PLAIN, seed, behaviour=MemoryBehaviour(**limits, latency_cycles=99))
    machine.load(0, program(Job(address=SOURCE, row_bytes=4096), DESTINATION))
    with pytest.raises(RuleError, match=rf"^cycle \d+: {sentence}$"):
        machine.run(0, LIMIT)


@pytest.mark.parametrize(
    ("first", "cause"), [(8, "program"), (SOURCE + 1000, "read"), (DESTINATION + 1000, "write"), (SOURCE - 8, None)]
)
@pytest.mark.parametrize("response", [2, 3])
def test_addresses_that_are_refused(first: int, cause: str | None, response: int, seed: int) -> None:
    machine = accelerator(PLAIN, seed)
    job = Job(address=SOURCE, row_bytes=2048)
    machine.system.refuse(first, first + 8, response)
    if cause is None:
        copy(machine, job, 8)
        return
    machine.load(0, program(job, DESTINATION))
    with pytest.raises(AcceleratorError, match=f"^a run must end without an error, not with '{cause}'$"):
        machine.run(0, LIMIT)
    machine.system.accept_all()
    copy(machine, job, 8)


def test_outside_the_memory_is_a_fault_or_an_error_response(seed: int) -> None:
    job = Job(address=DRAM_BYTES - 64, row_bytes=128)
    for refuses_outside, error in ((False, RuleError), (True, AcceleratorError)):
        machine = accelerator(PLAIN, seed, refuses_outside=refuses_outside)
        machine.load(0, program(job, DESTINATION))
        with pytest.raises(error):
            machine.run(0, LIMIT)


def test_a_memory_that_begins_elsewhere(seed: int) -> None:
    base = 0x4000_0000
    machine = accelerator(PLAIN, seed, base=base)
    machine.load(base, program(Job(address=base + SOURCE, row_bytes=80), base + DESTINATION))
    machine.run(base, LIMIT)
    assert machine.fetch(base + SOURCE, 80) == machine.fetch(base + DESTINATION, 80)
    with pytest.raises(ValueError, match=r"^2 bytes at 0x4001ffff must lie in the 131072 bytes from 0x40000000$"):
        machine.fetch(base + DRAM_BYTES - 1, 2)
    with pytest.raises(ValueError, match="must lie in"):
        machine.load(base - 1, b"x")


def test_a_reset_in_the_middle_of_a_copy(seed: int) -> None:
    machine = accelerator(PLAIN, seed)
    machine.load(0, program(Job(address=SOURCE, row_bytes=4096), DESTINATION))
    machine.start(0)
    machine.system.step(150)
    assert machine.read_field("status", "busy") == 1
    machine.system.reset()
    assert machine.read_field("status", "busy") == 0
    copy(machine, drawn_job(PLAIN, seed), 8)


def test_progress_is_told_and_may_end_the_run(seed: int) -> None:
    machine = accelerator(PLAIN, seed)
    machine.load(0, program(Job(address=SOURCE, row_bytes=4096), DESTINATION))
    heard: list[int] = []
    machine.run(0, LIMIT, progress=heard.append, progress_cycles=100)
    assert heard == list(range(100, 100 * len(heard) + 1, 100))
    assert len(heard) > 5

    def stop(cycles: int) -> None:
        raise KeyboardInterrupt(cycles)

    with pytest.raises(KeyboardInterrupt):
        machine.run(0, LIMIT, progress=stop, progress_cycles=100)
    machine.wait(LIMIT)
    assert machine.fetch(SOURCE, 4096) == machine.fetch(DESTINATION, 4096)


def test_a_limit_ends_a_run(seed: int) -> None:
    machine = accelerator(PLAIN, seed)
    machine.load(0, program(Job(address=SOURCE, row_bytes=4096), DESTINATION))
    before = machine.system.cycle
    machine.start(0)
    assert not machine.system.wait(100)
    assert 100 <= machine.system.cycle - before < 150


def test_registers_that_are_not_there_are_told(seed: int) -> None:
    machine = accelerator(PLAIN, seed)
    for access in (lambda: machine.system.read32(0x1C), lambda: machine.system.write32(0x1C, 1)):
        with pytest.raises(OSError, match=r"^a register must be at address 0x1c, not response 2$"):
            access()


def test_a_window_of_a_run_as_waveform(tmp_path: Path) -> None:
    path = tmp_path / "window.vcd"
    machine = SimulatedAccelerator(loopback_model(PLAIN, waves=True), REGISTERS, dram_bytes=DRAM_BYTES)
    machine.load(0, program(Job(address=SOURCE, row_bytes=4096), DESTINATION))
    machine.system.model.trace(path, 120, 180)
    machine.run(0, LIMIT)
    text = path.read_text()
    times = [int(time) for time in re.findall(r"^#(\d+)$", text, re.MULTILINE)]
    assert (times[0], times[-1]) == (1200, 1795)
    assert len(times) == 2 * 60
    assert re.search(r"\$var wire +32 \S+ m_axi_araddr", text)


def test_a_model_without_waves_has_no_waveform(tmp_path: Path) -> None:
    model: Model = loopback_model(PLAIN)
    with pytest.raises(ValueError, match=r"^a waveform must be of a model built with waves"):
        model.trace(tmp_path / "no.vcd", 0, 1)


@pytest.mark.parametrize("dram", [np.zeros(8, np.int8), np.zeros((2, 8), np.uint8), np.zeros(16, np.uint8)[::2]])
def test_a_memory_is_a_vector_of_bytes(dram: Any) -> None:
    with pytest.raises(ValueError, match="memory of a system must be a writable vector of uint8"):
        System(loopback_model(PLAIN), dram)
