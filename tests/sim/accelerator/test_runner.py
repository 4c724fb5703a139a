"""The driver on the accelerator's own control, in a simulated system: programs that end, and programs that do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.backends.rtl.programs import SMALL
from tests.sim.accelerator.stub_engines import stub_model
from vitaccel.backends.rtl.program_file import Coded, encode_program
from vitaccel_rtl.accelerator.control_map import machine_registers
from vitaccel_rtl.accelerator.isa import ENGINES, MAGIC
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.driver import AcceleratorError
from vitaccel_sim.accelerator.inside import ACCELERATOR
from vitaccel_sim.accelerator.runner import SimulatedAccelerator

PROGRAM = 0x100
LIMIT = 20_000
ISSUED = dict(zip(ENGINES, (1, 2, 1, 1), strict=True))
"""Instructions of the small program, by engine."""


def accelerator(content: bytes, **behaviour: int) -> SimulatedAccelerator:
    made = SimulatedAccelerator(
        stub_model(), machine_registers(), dram_bytes=1 << 16, behaviour=MemoryBehaviour(**behaviour)
    )
    made.load(PROGRAM, content)
    return made


def test_a_program_runs_to_its_end_again_and_again() -> None:
    machine = accelerator(encode_program(SMALL))
    assert machine.read("identity") == MAGIC
    first = machine.run(PROGRAM, LIMIT)
    assert [machine.run(PROGRAM, LIMIT) for _ in range(3)] == [first] * 3
    assert machine.read_field("status", "done") == 1
    counters = machine.counters()
    for engine, issued in ISSUED.items():
        assert counters[f"completed_{engine}"] == issued
        assert sum(counters[f"{kind}_{engine}"] for kind in ("busy", "waiting", "idle")) == pytest.approx(first, abs=1)


def test_a_slower_memory_takes_longer() -> None:
    cycles = [accelerator(encode_program(SMALL), latency_cycles=latency).run(PROGRAM, LIMIT) for latency in (10, 60)]
    assert cycles[1] >= cycles[0] + 50


@pytest.mark.parametrize(
    ("place", "wrong", "cause"), [(0, b"X", "magic"), (4, b"\x63", "version"), (12, b"\x05", "machine")]
)
def test_a_program_for_another_machine_is_refused_and_the_next_runs(place: int, wrong: bytes, cause: str) -> None:
    good = encode_program(SMALL)
    machine = accelerator(good[:place] + wrong + good[place + 1 :])
    with pytest.raises(AcceleratorError, match=f"^a run must end without an error, not with '{cause}'$"):
        machine.run(PROGRAM, LIMIT)
    machine.load(PROGRAM, good)
    machine.run(PROGRAM, LIMIT)
    assert machine.read("completed_compute") == ISSUED["compute"]


def test_a_program_that_cannot_be_read_is_told() -> None:
    machine = accelerator(encode_program(SMALL))
    machine.system.refuse(PROGRAM + 200, PROGRAM + 208, 3)
    with pytest.raises(AcceleratorError, match="not with 'fetch'"):
        machine.run(PROGRAM, LIMIT)
    machine.system.accept_all()
    machine.run(PROGRAM, LIMIT)


def test_a_program_that_waits_for_ever_is_stopped() -> None:
    stuck = replace(SMALL, instructions=(Coded(operation="store", fields={"wait_load": 9}), *SMALL.instructions))
    machine = accelerator(encode_program(stuck))
    with pytest.raises(TimeoutError):
        machine.run(PROGRAM, 2000)
    machine.stop()
    machine.load(PROGRAM, encode_program(SMALL))
    machine.run(PROGRAM, LIMIT)
    assert machine.read("completed_store") == 1


def test_a_reset_in_the_middle_of_a_run() -> None:
    machine = accelerator(encode_program(SMALL))
    whole = machine.run(PROGRAM, LIMIT)
    machine.start(PROGRAM)
    machine.system.step(whole // 2)
    machine.system.reset()
    assert machine.read("status") == 0
    assert machine.run(PROGRAM, LIMIT) == whole


def test_completions_are_seen_inside() -> None:
    machine = accelerator(encode_program(SMALL))
    counters = {engine: machine.system.model.variable(*place)[0] for engine, place in ACCELERATOR.counters.items()}
    machine.start(PROGRAM)
    assert machine.system.watch([counters["compute"]], [2], LIMIT)
    assert machine.read("completed_compute") == 2
    assert not machine.system.watch([counters["compute"]], [3], LIMIT)
    assert {engine: int(value[0]) for engine, value in counters.items()} == ISSUED
    with pytest.raises(TimeoutError, match=r"^a run must end within 0, and this one did not$"):
        machine.system.watch([counters["load"]], [9], 0)
