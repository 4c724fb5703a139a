"""The control unit: instructions start in the cycles that the timing model says, and none after an error."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.control_bench import Bench, program_bytes, random_program, starts_of
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.issue_timing import replay
from vitaccel_sim.bench.axi_memory import Behaviour

ADDRESS = 0x1000


def memory_of(image: bytes, address: int = ADDRESS) -> bytearray:
    content = bytearray(1 << 16)
    content[address : address + len(image)] = image
    return content


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(("latency_cycles", "ahead", "queued"), [(5, 8, 8), (60, 3, 1), (200, 14, 2)])
def test_starts_are_those_of_the_model(latency_cycles: int, ahead: int, queued: int, quick: bool, seed: int) -> None:
    steps = random_program(random.Random(seed), 40, quick=quick)
    expected = replay([step.issued for step in steps], memory_latency=latency_cycles, ahead=ahead, queued=queued)
    bench = Bench(
        content=memory_of(program_bytes(steps)),
        behaviour=Behaviour(latency=latency_cycles),
        ahead=ahead,
        queued=queued,
    )
    seen: dict[str, int] = {}

    async def host(bench: Bench) -> None:
        await bench.start(steps, ADDRESS)
        seen["status"] = await bench.rest()
        for name in (
            "cycles_low",
            "cycles_high",
            *(f"{kind}_{e}" for kind in ("completed", "busy", "waiting", "idle") for e in isa.ENGINES),
        ):
            seen[name] = await bench.read(name)

    bench.simulate(host)
    assert starts_of(bench, steps) == list(expected.starts)
    assert seen["status"] == 2
    assert seen["cycles_low"] == expected.cycles
    assert seen["cycles_high"] == 0
    for name in isa.ENGINES:
        assert seen[f"completed_{name}"] == sum(step.issued.engine == name for step in steps)
        assert sum(seen[f"{kind}_{name}"] for kind in ("busy", "waiting", "idle")) == expected.cycles
