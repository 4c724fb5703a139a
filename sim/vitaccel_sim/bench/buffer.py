"""The bench of a banked buffer: words against a memory, and every cycle against the schedule of its banks.

Run by :func:`vitaccel_sim.cocotb_runner.run_bench` with the parameters of a
:class:`vitaccel_sim.bench.buffer_model.Point`. With two readers, writers and banks or more, all bins are there to be
hit.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cocotb

from vitaccel_rtl.bank_schedule import Service, lost_cycles, read_schedule, write_schedule
from vitaccel_sim.bench.buffer_model import (
    STRIDES,
    Accepted,
    Point,
    Word,
    addresses,
    expected_responses,
    random_reads,
    random_writes,
)
from vitaccel_sim.bench.coverage import Coverage, cross
from vitaccel_sim.bench.payload import pack, payload_shape, unpack
from vitaccel_sim.bench.profiles import PROFILES, Profile
from vitaccel_sim.bench.streams import Input, Output, exchange, reset, start
from vitaccel_sim.cocotb_runner import bench_parameters, coverage_file

RESET_AFTER_CYCLES = (1, 2, 3, 4, 5, 6, 9, 17, 33)
BINS = (
    *cross(idle=PROFILES, stall=PROFILES),
    *(f"all readers: {stride}" for stride in STRIDES),
    "a reader waits for a bank",
    "a writer waits for a bank",
    "a read of a word in the cycle of its write",
    "a read of a word a cycle after its write",
    "a read of a word a cycle before its write",
    "a reader out of places",
    "the last word of a bank",
    "unit strides fall into step",
    "reset with requests under way",
    "latency as declared",
)


def declared() -> Coverage:
    """Return the bins of this bench, without hits."""
    return Coverage(BINS)


COVERAGE = declared()


class BufferBench:
    """A buffer, and the words that it holds."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.point = Point(**bench_parameters())
        self.rng = random.Random(cocotb.RANDOM_SEED)
        block = self.point.build()
        self.latency_cycles, self.interval_cycles = block.latency_cycles, block.interval_cycles
        ports = {"requests": block.requests, "responses": block.responses, "writes": block.writes}
        self.shapes = {name: payload_shape(streams[0].signature) for name, streams in ports.items()}
        self.names = {name: [f"{name}__{place}" for place in range(len(ports[name]))] for name in ports}
        self.ends = {
            "inputs": [*self.names["requests"], *self.names["writes"]],
            "outputs": self.names["responses"],
        }
        self.memory: dict[int, int] = {}

    async def start(self) -> None:
        """Start the clock, reset, and write every word that is tried: what a test before left is unknown."""
        await start(self.dut, **self.ends)
        every = ((1 << self.point.lane_writes) - 1) if self.point.lane_writes > 1 else None
        words = [
            {
                "address": self.point.at(n),
                "word": self.rng.getrandbits(self.point.width),
                **({"enable": every} if every else {}),
            }
            for n in range(self.point.tried)
        ]
        await self.run([], [words])

    async def run(
        self,
        reads: Sequence[Sequence[Word]],
        writes: Sequence[Sequence[Word]] = (),
        *,
        idle: Profile = PROFILES["always"],
        stall: Profile = PROFILES["always"],
        cycles: int | None = None,
    ) -> tuple[Service, ...]:
        """Reset, send these streams, compare words and cycles, and return the cycles of the readers.

        The reset is for turns: the schedule begins with those of a reset. Words stay.
        """
        await reset(self.dut, **self.ends)
        requests = [self._input("requests", place, words, idle) for place, words in enumerate(reads)]
        sent = [self._input("writes", place, words, idle) for place, words in enumerate(writes)]
        outputs = [
            Output(self.dut, self.names["responses"][place], len(words), stall.start(self.rng))
            for place, words in enumerate(reads)
        ]
        await exchange(self.dut, [*requests, *sent], outputs, cycles=cycles)
        streams = [self._accepted("requests", source) for source in requests]
        written = [self._accepted("writes", source) for source in sent]
        expected = expected_responses(self.point, streams, written, self.memory)
        if cycles is not None:
            await reset(self.dut, **self.ends)
            if any(len(source.accepted) > len(sink.words) for source, sink in zip(requests, outputs, strict=True)):
                hit("reset with requests under way")
            return ()
        got = [[unpack(self.shapes["responses"], word) for word in sink.words] for sink in outputs]
        assert got == expected, "responses differ"
        services = self._check_cycles(streams, written, outputs)
        _count(self.point, streams, written)
        return services

    def requests(self, reader: int, words: Sequence[Word]) -> Input:
        """Return a reader that sends these at full speed."""
        return self._input("requests", reader, words, PROFILES["always"])

    def _input(self, name: str, place: int, words: Sequence[Word], idle: Profile) -> Input:
        packed = [pack(self.shapes[name], word) for word in words]
        return Input(self.dut, self.names[name][place], packed, idle.start(self.rng))

    def _accepted(self, name: str, source: Input) -> Accepted:
        words = [unpack(self.shapes[name], word) for word in source.sent]
        return Accepted(words=words, offered=source.offered, accepted=source.accepted)

    def _check_cycles(
        self, streams: Sequence[Accepted], written: Sequence[Accepted], outputs: Sequence[Output]
    ) -> tuple[Service, ...]:
        point = self.point
        reads = read_schedule(
            [stream.requests() for stream in streams],
            banks=point.banks, policy=point.policy, outstanding=point.outstanding,
            is_ready=lambda reader, cycle: outputs[reader].ready[cycle],
        )  # fmt: skip
        requests = [stream.requests() for stream in written]
        writes = write_schedule(requests, banks=point.banks, policy=point.policy)
        for what, services, accepted in (("read", reads, streams), ("write", writes, written)):
            found = [list(stream.accepted) for stream in accepted]
            assert [service.accepted for service in services] == found, f"a {what} is not accepted when it should be"
        for service, sink in zip(reads, outputs, strict=True):
            assert (service.answered, service.taken) == (sink.offered, sink.taken), f"{sink.name}: cycles differ"
        return reads


def _count(point: Point, reads: Sequence[Accepted], writes: Sequence[Accepted]) -> None:
    """Count what happened between streams."""
    for what, streams in (("reader", reads), ("writer", writes)):
        if any(list(stream.offered) != list(stream.accepted) for stream in streams):
            hit(f"a {what} waits for a bank")
    written = {(cycle, word["address"]) for s in writes for cycle, word in zip(s.accepted, s.words, strict=True)}
    for stream in reads:
        for cycle, word in zip(stream.accepted, stream.words, strict=True):
            for distance, when in ((0, "in the cycle of"), (-1, "a cycle after"), (1, "a cycle before")):
                if (cycle + distance, word["address"]) in written:
                    hit(f"a read of a word {when} its write")
            if word["address"] >= point.words - point.banks:
                hit("the last word of a bank")


@cocotb.test()
async def words_and_cycles_under_every_pair_of_profiles(dut: Any) -> None:
    """Random streams of all readers and writers."""
    bench = BufferBench(dut)
    await bench.start()
    for idle in PROFILES.values():
        for stall in PROFILES.values():
            reads = [random_reads(bench.rng, bench.point, 24) for _ in range(bench.point.readers)]
            writes = [random_writes(bench.rng, bench.point, 24) for _ in range(bench.point.writers)]
            try:
                await bench.run(reads, writes, idle=idle, stall=stall)
            except AssertionError as error:
                raise AssertionError(f"idle {idle}, stall {stall}: {error}") from None
            hit(f"idle={idle} stall={stall}")


@cocotb.test()
async def readers_of_every_stride(dut: Any) -> None:
    """All readers want the same bank, or the same word, or step through all, while writers write there."""
    bench = BufferBench(dut)
    await bench.start()
    for stride in STRIDES:
        places = addresses(bench.rng, bench.point, 40, stride)
        reads = [_reads(bench.point, places) for _ in range(bench.point.readers)]
        writes = [random_writes(bench.rng, bench.point, 40) for _ in range(bench.point.writers)]
        for stream in writes:
            for word, place in zip(stream, places, strict=True):
                word["address"] = place
        await bench.run(reads, writes)
        hit(f"all readers: {stride}")


@cocotb.test()
async def unit_strides_fall_into_step(dut: Any) -> None:
    """As many readers as banks or fewer lose ``banks - 1`` cycles each at most, and then none."""
    bench = BufferBench(dut)
    await bench.start()
    point = bench.point
    readers = min(point.readers, point.banks)
    for start_at in range(point.banks):
        starts = [reader * start_at for reader in range(readers)]
        reads = [_reads(point, range(first, first + 40)) for first in starts]
        lost = [service.lost_cycles for service in await bench.run(reads)]
        expected = lost_cycles(starts, banks=point.banks)
        assert max(lost) <= point.banks - 1, f"readers lose {lost} cycles"
        assert sum(lost) == sum(expected), f"readers must lose {sum(expected)} cycles, not {lost}"
        hit("unit strides fall into step")


@cocotb.test()
async def a_reader_that_takes_nothing_stops_nobody_else(dut: Any) -> None:
    """The others go on at their rate, and it goes on when it takes words again."""
    bench = BufferBench(dut)
    await bench.start()
    point = bench.point
    places = range(point.outstanding + 40)
    stuck = bench.requests(0, _reads(point, places))
    others = [
        bench.requests(reader, _reads(point, [n + reader for n in places]))
        for reader in range(1, min(point.readers, 2))
    ]
    sinks = [
        Output(dut, name, len(places) if place else 0, (lambda _: True) if place else (lambda _: False))
        for place, name in enumerate(bench.names["responses"][: 1 + len(others)])
    ]
    await exchange(dut, [stuck, *others], sinks, cycles=2 * len(places))
    assert len(stuck.accepted) == point.outstanding, f"{len(stuck.accepted)} words are under way"
    assert all(len(sink.words) == len(places) for sink in sinks[1:]), "the other reader must go on"
    hit("a reader out of places")
    await reset(dut, **bench.ends)


@cocotb.test()
async def nothing_is_left_after_a_reset(dut: Any) -> None:
    """A reset in any cycle: requests under way are lost, words stay."""
    bench = BufferBench(dut)
    await bench.start()
    for cycles in RESET_AFTER_CYCLES:
        reads = [random_reads(bench.rng, bench.point, 30) for _ in range(bench.point.readers)]
        writes = [random_writes(bench.rng, bench.point, 30) for _ in range(bench.point.writers)]
        await bench.run(reads, writes, stall=PROFILES["rare"], cycles=cycles)
        await bench.run([_reads(bench.point, range(bench.point.tried))])


@cocotb.test()
async def declared_latency(dut: Any) -> None:
    """A response is offered as late as the component says, and a request accepted as often."""
    bench = BufferBench(dut)
    await bench.start()
    (service,) = await bench.run([_reads(bench.point, range(min(20, bench.point.tried)))])
    found = {answered - accepted for accepted, answered in zip(service.accepted, service.answered, strict=True)}
    assert found == {bench.latency_cycles}, f"latency must be {bench.latency_cycles}, not {found}"
    gaps = {after - before for before, after in pairwise(service.accepted)}
    assert gaps == {bench.interval_cycles}, (
        f"a request must be accepted every {bench.interval_cycles} cycle, not {gaps}"
    )
    hit("latency as declared")


def _reads(point: Point, places: Sequence[int]) -> list[Word]:
    return [_read(point, place) for place in places]


def _read(point: Point, place: int) -> Word:
    tag = {"tag": place % (1 << point.tag_bits)} if point.tag_bits else {}
    return {"address": point.at(place), **tag, "last": place & 1}


def hit(name: str) -> None:
    """Count a hit, and leave the counts for the process that started this one."""
    COVERAGE.hit(name)
    COVERAGE.write(coverage_file())
