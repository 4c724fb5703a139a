# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Moments of rows as they drain: tiles of row-blocks in any order, and what is said when they are asked for."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.rtl.accelerator.part_bench import watch
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator import row_moments
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.row_moments import RowMoments

LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1
MOST_CHANNELS = 4096
PROBES = ["there", "moments"]

Codes = npt.NDArray[np.int64]
Moments = list[tuple[int, int]]


@dataclass
class Drained:
    """Tiles one after the other, and what is asked for meanwhile; what the answers must be.

    Parameters
    ----------
    side, place
        Of the row moments.
    seed
        Of what is at inputs that nobody may look at.
    """

    side: int
    seed: int
    place: int = 0
    drives: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[int, tuple[Codes, Codes]] = field(default_factory=dict)
    written: list[tuple[int, int, Moments]] = field(default_factory=list)
    """Of each tile: the cycle of its last word, its block, and the block's moments then."""
    begun: list[tuple[int, int]] = field(default_factory=list)
    """Of each tile: the cycle of its first word, and its block."""
    asked: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    @property
    def now(self) -> int:
        """Cycle of the next word."""
        return len(self.drives)

    def idle(self, cycles: int) -> None:
        """No words, but bits that could be taken for some."""
        for _ in range(cycles):
            noise = {f"i.{name}": self.rng.randrange(2) for name in ("starts", "last", "begins", "block")}
            self.drives.append({**noise, "i.lanes": self._noise(), "i.channels": MOST_CHANNELS})

    def _noise(self) -> list[int]:
        return [self.rng.randint(LOWEST, HIGHEST) for _ in range(self.side)]

    def tile(self, block: int, channels: int, *, begins: bool = False, codes: Codes | None = None) -> None:
        """P words, back to back, of which those count that are of the first *channels* of all arrays'."""
        codes = np.array([self._noise() for _ in range(self.side)]) if codes is None else codes
        self.begun.append((self.now, block))
        for number, word in enumerate(codes.tolist()):
            first = number == 0
            # What is told of a tile with its first word need not be there with the others.
            begins_now = begins if first else self.rng.randrange(2)
            self.drives.append(
                {"i.valid": 1, "i.starts": first, "i.last": number == self.side - 1, "i.number": number,
                 "i.lanes": word, "i.block": block, "i.begins": begins_now, "i.channels": channels}
            )  # fmt: skip
        counted = codes[: max(channels - self.place * math.lcm(self.side, 8), 0)]
        nothing = np.zeros(self.side, np.int64), np.zeros(self.side, np.int64)
        total, squares = nothing if begins else self.sums[block]
        self.sums[block] = total + counted.sum(axis=0), squares + (counted**2).sum(axis=0)
        moments = list(zip(*(sums.tolist() for sums in self.sums[block]), strict=True))
        self.written.append((self.now - 1, block, moments))

    def may_ask(self, cycle: int, block: int) -> bool:
        """Whether no tile of a block is under way, and its moments are those of its last one."""
        late = cycle - latency.ROW_MOMENTS
        of_block = [
            (first, last) for (first, of), (last, _, _) in zip(self.begun, self.written, strict=True) if of == block
        ]
        return any(last <= late for _, last in of_block) and all(
            last <= late or first > cycle for first, last in of_block
        )

    def ask(self, cycle: int, block: int) -> None:
        """Ask for a block's moments in a cycle."""
        self.asked[cycle] = block

    def check(self, part: RowMoments, answers: dict[int, Moments] | None = None) -> None:
        """Require that everything that is asked for is said at its time, lane by lane, and nothing else."""
        self.idle(max([*self.asked, self.now]) + self.side + 8 - self.now)
        for cycle, drive in enumerate(self.drives):
            drive["asks"] = cycle in self.asked
            # It stays for a cycle; what is there otherwise is of no interest.
            drive["asked"] = self.asked.get(cycle, self.asked.get(cycle - 1, self.rng.randrange(2)))
        seen = watch(part, self.drives, PROBES)
        expected: dict[int, tuple[int, int]] = {}
        for cycle, block in self.asked.items():
            moments = (answers or {}).get(cycle) or self._latest(cycle, block)
            expected |= {cycle + latency.MOMENTS_ASKED + lane: each for lane, each in enumerate(moments)}
        found = {cycle: (moments.total, moments.squares) for cycle, (there, moments) in enumerate(seen) if there}
        assert found == expected

    def _latest(self, cycle: int, block: int) -> Moments:
        late = cycle - latency.ROW_MOMENTS
        return [moments for last, of, moments in self.written if of == block and last <= late][-1]


def random_traffic(side: int, blocks: int, seed: int, *, tiles: int, place: int = 0) -> Drained:
    """Row-blocks in any order, mostly at full speed, asked for as often as may be."""
    drained = Drained(side, seed, place)
    rng = drained.rng
    for _ in range(tiles):
        block = rng.choice([*range(blocks), *(block for _, block in drained.begun[-2:])])
        turn = math.lcm(side, 8)
        channels = rng.choice((0, rng.randrange((place + 2) * turn), place * turn + side, MOST_CHANNELS))
        drained.tile(block, channels, begins=block not in drained.sums or rng.randrange(6) == 0)
        if rng.randrange(4) == 0:
            drained.idle(rng.randint(1, 6))
    cycle = 0
    while cycle < drained.now + latency.ROW_MOMENTS:
        may = [block for block in range(blocks) if drained.may_ask(cycle, block)]
        # Rather one whose moments have been there for no cycle longer.
        fresh = [block for block in may if not drained.may_ask(cycle - 1, block)]
        if may:
            drained.ask(cycle, rng.choice(fresh or may))
            cycle += side + rng.choice((0, 0, 1, 2))
        cycle += 1
    return drained


@pytest.mark.parametrize(("side", "blocks"), [(4, 1), (4, 2), (4, 3), (4, 12), (5, 3), (8, 3)])
def test_tiles_of_row_blocks_in_any_order(side: int, blocks: int, seed: int) -> None:
    drained = random_traffic(side, blocks, seed, tiles=160)
    assert len(drained.asked) > 40 or blocks == 1
    assert any(before == after for (_, before), (_, after) in pairwise(drained.begun))
    begins = {first + 1 for first, _ in drained.begun}
    assert blocks == 1 or begins & set(drained.asked)  # the memory has one port to read
    drained.check(RowMoments(side=side, blocks=blocks))


@pytest.mark.parametrize(("side", "place"), [(8, 1), (12, 2), (8, 7)])
def test_an_array_counts_the_columns_that_are_its_own(side: int, place: int, seed: int) -> None:
    """Those before are of other arrays' tiles; those beyond the last channel are padding."""
    random_traffic(side, 3, seed, tiles=60, place=place).check(RowMoments(side=side, blocks=3, place=place))
    with pytest.raises(AssertionError):
        random_traffic(side, 3, seed, tiles=60, place=place).check(RowMoments(side=side, blocks=3, place=place - 1))


@pytest.mark.parametrize("between", [(), (1,)])
def test_moments_are_there_so_many_cycles_after_the_last_word_and_not_one_earlier(
    between: tuple[int, ...], seed: int
) -> None:
    """Whether the tile goes on from the registers, or from the memory."""
    for early in (0, 1):
        drained = Drained(4, seed)
        for block in (1, 0):
            drained.tile(block, MOST_CHANNELS, begins=True)
        for block in between:
            drained.tile(block, MOST_CHANNELS)
        drained.idle(latency.ROW_MOMENTS)
        drained.tile(0, MOST_CHANNELS)
        last = drained.now - 1
        before, now = ([moments for _, block, moments in drained.written if block == 0][place] for place in (0, 1))
        assert before != now
        drained.ask(last + latency.ROW_MOMENTS - early, 0)
        drained.check(RowMoments(side=4, blocks=2), {last + latency.ROW_MOMENTS - early: before if early else now})


def test_two_row_blocks_in_turn_at_full_speed(seed: int) -> None:
    """Of P = 4, a row-block's moments are read a cycle after they were written."""
    drained = Drained(4, seed)
    for turn in range(12):
        drained.tile(turn % 2, MOST_CHANNELS, begins=turn < 2)
    last = drained.now - 1
    drained.ask(last + latency.ROW_MOMENTS, 1)
    drained.ask(last + latency.ROW_MOMENTS + 5, 0)
    drained.check(RowMoments(side=4, blocks=2))


def test_answers_follow_each_other_p_and_a_cycle_apart_and_not_closer(seed: int) -> None:
    for closer in (0, 1):
        drained = Drained(4, seed)
        for block in range(3):
            drained.tile(block, MOST_CHANNELS, begins=True)
        drained.idle(latency.ROW_MOMENTS)
        first = drained.now
        for place in range(3):
            drained.ask(first + place * (5 - closer), place)
        if closer:
            with pytest.raises(AssertionError):
                drained.check(RowMoments(side=4, blocks=3))
        else:
            drained.check(RowMoments(side=4, blocks=3))


@pytest.mark.parametrize("code", [LOWEST, HIGHEST])
def test_the_longest_row_of_the_largest_codes(code: int, seed: int) -> None:
    """Sums have as many bits as they need: those before were nearly as large."""
    side = 4
    drained = Drained(side, seed)
    for tile in range(MOST_CHANNELS // side):
        left = MOST_CHANNELS - tile * side
        drained.tile(tile % 2 if tile < 2 else 0, left, begins=tile < 2, codes=np.full((side, side), code))
    drained.tile(0, side, codes=np.full((side, side), code))
    assert drained.sums[0][0].tolist() == [MOST_CHANNELS * code] * side
    drained.ask(drained.now - 1 + latency.ROW_MOMENTS, 0)
    drained.check(RowMoments(side=side, blocks=4))


@pytest.mark.parametrize("broken", ["ends", "waited", "word"])
def test_a_step_that_is_left_out_is_found(broken: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums are written before the last word has come, a tile's begin is read for an answer, words are missed."""

    def sooner(m: Any, bit: Any, cycles: int, *, name: str) -> Any:
        return later(m, bit, cycles - (name == broken), name=name)

    random_traffic(4, 3, seed, tiles=60).check(RowMoments(side=4, blocks=3))
    monkeypatch.setattr(row_moments, "later", sooner)
    with pytest.raises(AssertionError):
        random_traffic(4, 3, seed, tiles=60).check(RowMoments(side=4, blocks=3))


def test_parameters_out_of_range_are_refused() -> None:
    refuses("side of row moments must be an integer from 4 to 32, not 3", RowMoments, side=3, blocks=4)
    refuses("side of row moments must be an integer from 4 to 32, not 33", RowMoments, side=33, blocks=4)
    refuses("blocks of row moments must be an integer from 1 to 4096, not 0", RowMoments, side=4, blocks=0)
    refuses("blocks of row moments must be an integer from 1 to 4096, not 4097", RowMoments, side=4, blocks=4097)
