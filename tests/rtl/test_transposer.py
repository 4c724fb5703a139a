# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""The transposer exchanges lanes and words under every profile, at one word a cycle, as late as it declares."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses, run, run_after_reset
from vitaccel_rtl.lint import lint
from vitaccel_rtl.transposer import Transposer
from vitaccel_rtl.verilog import to_verilog


def tiles(side: int, width: int, count: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(-(2 ** (width - 1)), 2 ** (width - 1), (count, side, side))
    drawn[0, 0], drawn[0, :, -1] = -(2 ** (width - 1)), 2 ** (width - 1) - 1
    return drawn


def words(matrices: np.ndarray, lasts: list[int]) -> list[dict[str, object]]:
    return [
        {"lanes": row.tolist(), "last": last if place == len(matrix) - 1 else 0}
        for matrix, last in zip(matrices, lasts, strict=True)
        for place, row in enumerate(matrix)
    ]


@pytest.mark.parametrize(("side", "width"), [(2, 16), (3, 8), (4, 8), (6, 17), (8, 5)])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_words_are_columns(side: int, width: int, profile: Profile, seed: int) -> None:
    drawn, lasts = tiles(side, width, 5, seed), [0, 1, 1, 0, 1]
    result = run(Transposer(side=side, width=width), words(drawn, lasts), 5 * side, profile, seed)
    assert result.words == words(drawn.transpose(0, 2, 1), lasts)


@pytest.mark.parametrize("side", [2, 3, 4, 5, 7, 12, 16])
def test_full_speed_and_declared_latency(side: int, seed: int) -> None:
    block = Transposer(side=side)
    result = run(block, words(tiles(side, 8, 6, seed), [0] * 6), 6 * side, FULL_SPEED)
    assert result.offered[0] - result.accepted[side - 1] == block.latency_cycles
    assert np.diff(result.offered).tolist() == [1] * (6 * side - 1)
    assert np.diff(result.accepted).tolist() == [1] * (6 * side - 1)


@pytest.mark.parametrize("forgotten", [1, 4, 5, 9, 12])
def test_a_reset_forgets_what_is_inside(forgotten: int, seed: int) -> None:
    side = 5
    drawn = tiles(side, 8, 3, seed)
    old = words(tiles(side, 8, 3, seed + 1), [1, 1, 1])[:forgotten]
    result = run_after_reset(Transposer(side=side), old, words(drawn, [0, 1, 0]), 3 * side)
    assert result.words == words(drawn.transpose(0, 2, 1), [0, 1, 0])


def test_a_rotation_by_too_little_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = tiles(6, 8, 2, seed)
    monkeypatch.setattr("vitaccel_rtl.transposer.rotation_steps", lambda by: ([(by[0], 1)], [(by[1], 2)]))
    result = run(Transposer(side=6), words(drawn, [0, 1]), 12)
    assert result.words != words(drawn.transpose(0, 2, 1), [0, 1])


def test_verilog_is_clean() -> None:
    for side in (2, 5, 8):
        assert lint(to_verilog(Transposer(side=side), name="transposer")) == ()


def test_impossible_parameters_are_refused() -> None:
    refuses("side of a transposer must be an integer from 2 to 64, not 1", Transposer, side=1)
    refuses("side of a transposer must be an integer from 2 to 64, not 65", Transposer, side=65)
    refuses("width of a transposer must be an integer from 1 to 64, not 0", Transposer, side=4, width=0)
