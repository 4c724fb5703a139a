"""What instructions take whose times are static: against a walk frame by frame, and against their paces."""

from __future__ import annotations

import random

import pytest

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import static_work
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD, lead
from vitaccel_rtl.accelerator.static_work import (
    Work,
    attention_work,
    lane_work,
    last_values,
    matmul_work,
    statistics_wait,
)
from vitaccel_rtl.accelerator.vector_pace import VectorPace

MATMUL = {"depth": 24, "row_blocks": 3, "n_tiles": 2, "interval": 3, "first_interval": 4, "result": 11}


def walk(fields: dict[str, int]) -> tuple[int, int]:
    """Frames of the first logits to that of the last values, and where an array is free again: as the nest does."""
    blocks = fields["frames"] * fields["heads"] * fields["row_blocks"]
    frame, ahead, sent, valued, last = 0, 0, 0, 0, 0
    due: dict[int, int] = {}
    room = 1 if fields["one_in_flight"] else 2
    logits = True
    while valued < blocks:
        if logits:
            for _ in range(fields["key_blocks"]):
                due[sent] = frame + fields["statistics"]
                frame += fields["logits_interval"]
            ahead, sent = ahead + 1, sent + 1
            logits = ahead < room and sent < blocks
            continue
        for _ in range(fields["value_tiles"]):
            last = frame = max(frame, due[valued])
            frame += fields["values_interval"]
        ahead, valued = ahead - 1, valued + 1
        logits = sent < blocks
    return last, frame


def test_attention_goes_through_its_tiles_as_the_nest_does(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        names = ("frames", "heads", "row_blocks", "key_blocks", "value_tiles", "logits_interval", "values_interval")
        fields = {name: rng.randint(1, 4) for name in names}
        fields |= {"statistics": rng.randint(1, 9), "one_in_flight": rng.randrange(2), "head_dim": rng.randint(1, 12)}
        last, free = walk(fields)
        begins = lead(fields["head_dim"], 8)
        assert attention_work(fields | {"result": 20}, 8) == Work(begins + free, begins + last + 20)
        tiles = fields["key_blocks"] * fields["logits_interval"] + fields["value_tiles"] * fields["values_interval"]
        blocks = fields["frames"] * fields["heads"] * fields["row_blocks"]
        assert statistics_wait(fields | {"result": 20}, 8) == free - blocks * tiles


def test_one_more_in_flight_hides_statistics() -> None:
    assert last_values(3, 2, 10, 4, in_flight=1) == 3 * 10 + 2 * 4
    assert last_values(3, 2, 10, 4, in_flight=2) == 24


@pytest.mark.parametrize(("rows", "columns", "occupied", "result"), [(3, 2, 1 + 20, 18 + 11), (1, 2, 1 + 8, 5 + 11)])
def test_a_matmul_takes_its_intervals(rows: int, columns: int, occupied: int, result: int) -> None:
    assert matmul_work(MATMUL | {"row_blocks": rows, "n_tiles": columns}, 8) == Work(occupied, result)


@pytest.mark.parametrize(("function", "has_moments"), [("layernorm", 0), ("layernorm", 1), ("add", 0)])
@pytest.mark.parametrize("by_rows", [0, 1])
def test_a_lane_takes_what_its_pace_says(function: str, has_moments: int, by_rows: int) -> None:
    scale = 7 if function == "layernorm" else 0
    drain = latency.vector_rows_drain(16) if by_rows else 0
    pace = VectorPace(interval=2, scale=scale, result=9, drain=drain, is_asked=bool(has_moments))
    fields = {"function": LANE_FUNCTIONS.index(function), "by_rows": by_rows, "row_blocks": 5, "interval": 2}
    work = lane_work(fields | {"scale": scale, "result": 9, "has_moments": has_moments}, 16)
    assert (work.occupied, work.result * 8 - 4) == (pace.occupied(5), pace.done_cycles(5))


def test_rows_whose_moments_were_taken_are_streamed_once() -> None:
    """Of 40 frames each, the first behind a wait of 4; without moments twice, the second time 45 after the first."""
    fields = {"function": LANE_FUNCTIONS.index("layernorm"), "row_blocks": 3, "interval": 40, "result": 50}
    assert lane_work(fields | {"scale": 4, "has_moments": 1}, 8) == Work(1 + 4 + 3 * 40, 1 + 4 + 2 * 40 + 50)
    assert lane_work(fields | {"scale": 45}, 8) == Work(1 + 6 * 40, 1 + 5 * 40 + 50)
    # Only a LayerNorm has moments.
    other = fields | {"function": LANE_FUNCTIONS.index("copy"), "scale": 4}
    assert lane_work(other | {"has_moments": 1}, 8) == lane_work(other, 8)


def test_kept_logits_go_twice_through_the_array() -> None:
    """Two digits of every tile, the second of the last of which sets out before its result; logits come ahead of it."""
    fields = {"mode": 1, "frames": 1, "heads": 2, "row_blocks": 3, "value_tiles": 1, "keys": 24}
    assert attention_work(fields | {"logits_interval": 3, "values_interval": 4, "result": 20}, 8) == Work(
        1 + 6 * 7 + KEPT_AHEAD, 1 + 6 * 7 - 4 + 20
    )
    assert statistics_wait(fields | {"result": 20}, 8) == 0


def test_a_lead_that_is_forgotten_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = matmul_work(MATMUL, 8)
    monkeypatch.setattr(static_work, "lead", lambda _depth, _side: 0)
    assert matmul_work(MATMUL, 8) == Work(before.occupied - 1, before.result - 1)
