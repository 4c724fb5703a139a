# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""The transposer exchanges lanes and words under every profile, at one word a cycle, as late as it declares."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses, run
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


@pytest.mark.parametrize(("side", "width"), [(2, 16), (4, 8), (8, 5)])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_words_are_columns(side: int, width: int, profile: Profile, seed: int) -> None:
    drawn, lasts = tiles(side, width, 5, seed), [0, 1, 1, 0, 1]
    result = run(Transposer(side=side, width=width), words(drawn, lasts), 5 * side, profile, seed)
    assert result.words == words(drawn.transpose(0, 2, 1), lasts)


@pytest.mark.parametrize("side", [2, 4, 16])
def test_full_speed_and_declared_latency(side: int, seed: int) -> None:
    block = Transposer(side=side)
    result = run(block, words(tiles(side, 8, 6, seed), [0] * 6), 6 * side, FULL_SPEED)
    assert result.offered[0] - result.accepted[side - 1] == block.latency_cycles
    assert np.diff(result.offered).tolist() == [1] * (6 * side - 1)
    assert np.diff(result.accepted).tolist() == [1] * (6 * side - 1)


def test_verilog_is_clean() -> None:
    assert lint(to_verilog(Transposer(side=4), name="transposer")) == ()


def test_impossible_parameters_are_refused() -> None:
    refuses("side must be a power of two, not 6", Transposer, side=6)
    refuses("side must be an integer from 2 to 64, not 1", Transposer, side=1)
    refuses("width must be an integer from 1 to 64, not 0", Transposer, side=4, width=0)
