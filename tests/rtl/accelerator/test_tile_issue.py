"""Instructions become tiles at their time; one whose expert has no rows becomes none."""

from __future__ import annotations

from typing import Any

import pytest

from vitaccel_rtl.accelerator.completions import DONE_PHASE
from vitaccel_rtl.accelerator.isa import MATMUL, OPERATION
from vitaccel_rtl.accelerator.pace import lead
from vitaccel_rtl.accelerator.tile_issue import SKIPPED, TileIssue
from vitaccel_rtl.latency import SLOTS

SIDE = 8
FIELDS = {"depth": 12, "row_blocks": 2, "n_tiles": 2, "interval": 2, "first_interval": 3, "result": 6}


def raw(fields: dict[str, int]) -> dict[str, int]:
    words = MATMUL.encode(fields)
    return {"operation": MATMUL.code, "words": sum(word << 32 * place for place, word in enumerate(words))}


def run(instructions: list[dict[str, int]], frames: int, **queue: int) -> list[tuple[Any, ...]]:
    """Offer the instructions from cycle 16 on, a new one when the one before was accepted."""
    issue = TileIssue(side=SIDE, reuses_logits=False)
    waiting = [raw(fields) for fields in instructions]
    accepted: list[int] = []

    def drives() -> Any:
        for cycle in range(SLOTS * frames):
            drive: dict[str, Any] = {"phase": cycle % SLOTS}
            if cycle == 1 and queue:
                drive |= {"queue_write": 1, **queue}
            if cycle >= 2 * SLOTS and waiting:
                drive |= {"i__valid": 1, "i__payload": waiting[0]}
            yield drive
            if cycle >= 2 * SLOTS and waiting and seen_ready[-1]:
                accepted.append(cycle)
                waiting.pop(0)

    seen_ready: list[int] = []
    return watch_stream(issue, drives, seen_ready)


def watch_stream(issue: TileIssue, drives: Any, ready: list[int]) -> list[tuple[Any, ...]]:
    """As `watch`, with the stream's parts by flat names, and whether it was ready in each cycle."""
    from amaranth.sim import Simulator

    from tests.rtl.stream_bench import PERIOD

    seen: list[tuple[Any, ...]] = []

    async def bench(ctx: Any) -> None:
        for drive in drives():
            ctx.set(issue.i.valid, drive.get("i__valid", 0))
            if "i__payload" in drive:
                ctx.set(issue.i.p, drive["i__payload"])
            for name in ("phase", "queue_write", "queue_slot", "queue_blocks"):
                ctx.set(getattr(issue, name), drive.get(name, 0))
            ready.append(ctx.get(issue.i.ready))
            takes = ready[-1] and drive.get("i__valid", 0)
            seen.append((takes, ctx.get(issue.step), ctx.get(issue.done)))
            await ctx.tick()

    simulator = Simulator(issue)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def cycles_of(seen: list[tuple[Any, ...]], place: int) -> list[int]:
    return [cycle for cycle, row in enumerate(seen) if row[place]]


def test_tiles_at_their_intervals() -> None:
    seen = run([FIELDS, FIELDS], 40)
    accepted, steps, done = (cycles_of(seen, place) for place in range(3))
    offsets = [0, 3, 5, 8]  # first_interval, interval, first_interval
    begins = [at + SLOTS * lead(12, SIDE) for at in accepted]
    assert steps == [begin + SLOTS * offset for begin in begins for offset in offsets]
    assert accepted[1] == begins[0] + SLOTS * (offsets[-1] + FIELDS["interval"])
    assert done == [begin + SLOTS * (offsets[-1] + FIELDS["result"] - 1) + DONE_PHASE for begin in begins]


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_an_expert_has_the_row_blocks_of_its_queue(blocks: int) -> None:
    expert = FIELDS | {"has_expert": 1, "expert": 5}
    seen = run([expert, FIELDS], 50, queue_slot=5, queue_blocks=blocks)
    accepted, steps, done = (cycles_of(seen, place) for place in range(3))
    assert len(steps) == 2 * blocks + 4
    assert len(done) == 2
    if not blocks:
        assert accepted[1] > accepted[0]
        assert done[0] == accepted[0] + SLOTS * (1 + SKIPPED - 1) + DONE_PHASE


def test_the_operation_is_in_its_place() -> None:
    assert raw(FIELDS)["words"] & ((1 << OPERATION.bits) - 1) == MATMUL.code
