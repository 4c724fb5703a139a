"""Cycles of a DMA job, three sources: what the cost model reads, what the engines declare, what the gateware takes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.rtl.dma_bench import run_dma
from vitaccel.arch import Arch, Memory, PeArrays
from vitaccel.backends.cost_model.timing import timing
from vitaccel.ir.program import Load, Store, Transfer
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_cycles import buffer_beats
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_timing import Job, ReadEngine, WriteEngine
from vitaccel_rtl.dma_write import DmaWrite
from vitaccel_sim.bench.axi_memory import Behaviour
from vitaccel_sim.bench.dma_exchange import DmaExchange
from vitaccel_sim.bench.dma_jobs import random_content, word_count

MACHINES = {
    "the bus is the limit": Arch(
        array=PeArrays(side=8), memory=Memory(bus_bits=64, burst_beats=16, outstanding=4, latency_cycles=20)
    ),
    "the latency is": Arch(
        array=PeArrays(side=16), memory=Memory(bus_bits=128, burst_beats=4, outstanding=3, latency_cycles=50)
    ),
    "bursts of a beat": Arch(
        array=PeArrays(side=12), memory=Memory(bus_bits=32, burst_beats=1, outstanding=8, latency_cycles=6)
    ),
}
ROWS = {
    "a word": (1, 1, 1),
    "over a page's end": (1, 80, 80),
    "rows apart": (5, 7, 11),
    "rows without a gap": (3, 20, 20),
}
"""Rows, the words of one, and those to the next."""


def transfer(kind: type[Load | Store], arch: Arch, shape: tuple[int, int, int], at: int = 0) -> Transfer:
    """Return a job that begins at a word, some before a page's end."""
    rows, *words = shape
    side = arch.array.side
    row_bytes, stride_bytes = (many * side for many in words)
    dram = at + (4096 - 30 * side) // side * side
    return kind(
        layer="", dram=dram, buffer="weight", address=0, rows=rows, row_bytes=row_bytes, stride_bytes=stride_bytes
    )


def job_of(transfer: Transfer) -> Job:
    """Return its descriptor."""
    fields = ("rows", "row_bytes", "stride_bytes")
    return Job(address=transfer.dram, **{name: getattr(transfer, name) for name in fields})


def parameters(arch: Arch) -> dict[str, int]:
    """What an engine of the machine is built for."""
    memory = arch.memory
    sizes = {"data_bits": memory.bus_bits, "word_bytes": arch.array.side}
    return {**sizes, "burst_beats": memory.burst_beats, "outstanding": memory.outstanding}


def measured(transfers: list[Transfer], arch: Arch, seed: int) -> DmaExchange:
    """Run transfers on the gateware, under a memory of the machine's latency."""
    side, content, jobs = arch.array.side, random_content(seed), [job_of(one) for one in transfers]
    behaviour = Behaviour(latency=arch.memory.latency_cycles)
    if isinstance(transfers[0], Load):
        return run_dma(DmaRead(**parameters(arch)), jobs, content, behaviour=behaviour)
    rng = random.Random(seed)
    words = [rng.getrandbits(8 * side) for job in jobs for _ in range(word_count(job, side))]
    return run_dma(DmaWrite(**parameters(arch)), jobs, content, words=words, behaviour=behaviour)


def declared(transfer: Transfer, arch: Arch) -> int:
    """Cycles from the descriptor to the status, as the engine of its direction declares them."""
    geometry = Geometry(**parameters(arch))
    engine = {"burst_beats": geometry.longest_burst, "outstanding": geometry.outstanding, **geometry.sizes}
    engine |= {"latency_cycles": arch.memory.latency_cycles}
    if isinstance(transfer, Store):
        return WriteEngine(**engine).job(job_of(transfer), 0)
    ample = buffer_beats(geometry.outstanding, geometry.longest_burst)
    return ReadEngine(**engine, buffer_beats=ample).job(job_of(transfer), 0)


@pytest.mark.parametrize("shape", ROWS.values(), ids=list(ROWS))
@pytest.mark.parametrize("arch", MACHINES.values(), ids=list(MACHINES))
@pytest.mark.parametrize("kind", [Load, Store])
def test_declared_is_measured_is_predicted(
    kind: type[Load | Store], arch: Arch, shape: tuple[int, int, int], seed: int
) -> None:
    one = transfer(kind, arch, shape)
    run = measured([one], arch, seed)
    assert run.status.offered[0] - run.jobs.accepted[0] == declared(one, arch) == sum(timing(one, arch))


@pytest.mark.parametrize("arch", list(MACHINES.values())[:2], ids=list(MACHINES)[:2])
@pytest.mark.parametrize("kind", [Load, Store])
def test_jobs_that_follow_each_other_are_done_as_far_apart_as_predicted(
    kind: type[Load | Store], arch: Arch, seed: int
) -> None:
    """Whole bursts, as many as may be in flight: from the second job on, the distance is what a job occupies."""
    burst_words = arch.memory.burst_bytes // arch.array.side * arch.memory.outstanding
    one = replace(transfer(kind, arch, (1, burst_words, burst_words)), dram=1 << 13)
    run = measured([replace(one, dram=(2 + at) << 12) for at in range(4)], arch, seed)
    first, *rest = run.status.offered
    assert [done - first for done in rest] == [n * timing(one, arch).occupied for n in (1, 2, 3)]


def test_a_cycle_that_no_one_declared_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arch = MACHINES["the bus is the limit"]
    one = transfer(Load, arch, ROWS["a word"])
    run = measured([one], arch, seed)
    monkeypatch.setattr("vitaccel_rtl.dma_latency.RESERVE", 2)
    assert sum(timing(one, arch)) == declared(one, arch) == run.status.offered[0] - run.jobs.accepted[0] + 1
