"""Entries of sets: one a cycle, with their signs, at their addresses; a set as soon as the last one is used up."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from vitaccel_rtl.accelerator.table_entries import TableEntries


@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize("idle", [0.0, 0.9])
def test_entries_and_their_cycles(is_wide: bool, idle: float, seed: int) -> None:
    rng, dut = random.Random(seed), TableEntries(slots=2)
    size = 2 if is_wide else 1
    tables = [rng.randbytes(256 * size) for _ in range(2)]
    sets = [(slot, at, tables[slot][at : at + 8]) for slot in range(2) for at in range(0, 256 * size, 8)]
    written: list[tuple[int, int, int]] = []
    accepted: list[int] = []
    finished: list[int] = []

    async def bench(ctx: Any) -> None:
        cycle, offers = 0, False
        while len(finished) < 2:
            sent = len(accepted)
            offers = offers or (sent < len(sets) and rng.random() >= idle)
            ctx.set(dut.i.valid, offers)
            if offers:
                slot, at, data = sets[sent]
                word = {"set": int.from_bytes(data, "little"), "is_wide": is_wide, "begins": at == 0, "slot": slot}
                ctx.set(dut.i.payload, {**word, "last": at + 8 == 256 * size})
            ports = (dut.write.write_enable, dut.write.write_address, dut.write.write_data)
            _, _, ready, idles, finishes, *write = await ctx.tick().sample(dut.i.ready, dut.idle, dut.finishes, *ports)
            assert idles == (not write[0])
            if write[0]:
                written.append((cycle, write[1], write[2]))
            finished.extend([cycle] * finishes)
            if offers and ready:
                accepted.append(cycle)
                offers = False
            cycle += 1
            assert cycle < 20000

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    expected = [
        (256 * slot + at // size, int.from_bytes(table[at : at + size], "little", signed=True) & 0xFFFF)
        for slot, table in enumerate(tables)
        for at in range(0, len(table), size)
    ]
    assert [write[1:] for write in written] == expected
    assert finished == [written[255][0], written[511][0]]
    assert [write[0] for write in written[:: 8 // size]] == [cycle + 1 for cycle in accepted]
    if not idle:
        assert [write[0] for write in written] == list(range(accepted[0] + 1, accepted[0] + 513))
