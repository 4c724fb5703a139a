"""Where the tokens of entries are: rows become row-blocks and lanes, for every P."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.entry_places import RECIPROCAL_SHIFT, ROW, STAGES, EntryPlaces
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

OUT, STEP = 4096, 24


def placed(side: int, row: int, score: int, multiplier: int) -> tuple[int, ...]:
    """Return the place of an entry: row-block, lane, factor; it is there a few cycles after the entry was taken."""
    part = EntryPlaces(side=side)
    probes = {"there": part.o.valid, "block": part.o.p.out, "lane": part.o.p.lane, "factor": part.o.p.factor}
    given = {"offered": part.i.valid, "row": part.i.p.row, "score": part.i.p.score}
    for name, port in {**probes, **given}.items():
        setattr(part, name, port)
    fixed = {"out": OUT, "out_step": STEP, "multiplier": multiplier, "row": row, "score": score}
    seen = watch(part, [{**fixed, "offered": int(cycle == 0)} for cycle in range(STAGES + 3)], list(probes))
    assert [there for there, *_ in seen] == [0] * STAGES + [1] * 3
    return seen[STAGES][1:]


@pytest.mark.parametrize("side", [4, 6, 12, 20, 31])
def test_its_verilog_is_clean(side: int) -> None:
    """Of P = 6, 12, 20 a product by P would be that by 3 or 5, moved, and wider than the lane."""
    assert lint(to_verilog(EntryPlaces(side=side))) == ()


@pytest.mark.parametrize("side", [4, 5, 8, 12, 31, 32])
def test_rows_at_the_ends_of_row_blocks(side: int, seed: int) -> None:
    rng = random.Random(seed)
    last = (1 << ROW) - 1
    for row in (0, side - 1, side, last // side * side - 1, last // side * side, last):
        score, multiplier = rng.randrange(1 << 16), rng.randint(-(1 << 17), (1 << 17) - 1)
        assert placed(side, row, score, multiplier) == (OUT + row // side * STEP, row % side, score * multiplier)


def test_every_row_is_divided_right_by_every_number_of_lanes() -> None:
    for side in range(1, 33):
        reciprocal = -(-(1 << RECIPROCAL_SHIFT) // side)
        assert all(row * reciprocal >> RECIPROCAL_SHIFT == row // side for row in range(1 << ROW))
