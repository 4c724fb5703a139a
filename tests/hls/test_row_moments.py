"""Moments of rows in C++: taken as results drain, kept by place, and what a LayerNorm makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.hls import machine_bench
from tests.hls.cpp_bench import integers, run_cpp
from tests.hls.machine_bench import CHECKED, Bench, arch_of, weight_tile
from tests.hls.test_matmul_nest import drawn, sets_of
from vitaccel.backends.hls.compiled import compiled
from vitaccel.compiled_model.model import machine_sources
from vitaccel.ir.parameters import encode_sets, encode_wide
from vitaccel.reference.layernorm import LayerNorm

SIDE, DEPTH, CHANNELS, TILES = 8, 17, 19, 3
ROWS, COLUMNS = 3 * SIDE, TILES * SIDE
A, OUT, NORMALIZED, RESIDUAL = 0, 1000, 2000, 3000
PLACE = 5
"""Of the first row-block."""

EPSILON = (1 << 36) + 12345

MACHINE = "struct Machine {{ static constexpr int SIDE = 4, MOMENT_BLOCKS = {}; }};"


class Case:
    """A matmul whose rows have a residual, and whose columns behind the last channel are not 0."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.weights, sets = drawn(seed, DEPTH, COLUMNS), sets_of(seed, COLUMNS)
        # Results of which some saturate.
        self.sets = (sets[0], sets[1].clip(1 - (1 << 17)), np.full(COLUMNS, 16))
        self.multiplier, self.offset = (
            integers(random, 18, CHANNELS).clip(1 - (1 << 17)),
            integers(random, 28, CHANNELS),
        )
        self.bench = Bench(SIDE)
        self.bench.put(A, drawn(seed + 1, ROWS, DEPTH))
        self.bench.put(RESIDUAL, integers(random, 16, ROWS * COLUMNS).reshape(ROWS, COLUMNS), width=2)
        self.bench.add_load("weight", 0, weight_tile(self.weights, encode_sets(*self.sets), SIDE))
        self.bench.add_load("parameter", 9, encode_wide(EPSILON).tobytes())
        self.bench.add_sets(10, self.offset, self.multiplier, 20)

    def add_matmul(self, first: int = 0, tiles: int = TILES, **more: int) -> None:
        """Add the matmul of some tiles of columns."""
        step = 2 * COLUMNS
        fields = {
            "a": A, "a_step": DEPTH, "depth": DEPTH, "row_blocks": 3, "n_tiles": tiles, "b": first * (DEPTH + 8),
            "b_step": DEPTH + 8, "out": OUT + first * SIDE, "out_step": step, "out_tile_step": SIDE,
            "out_plane": COLUMNS, "last_rows": SIDE, "is_wide": 1, "has_residual": 1,
            "residual": RESIDUAL + first * SIDE, "residual_step": step, "residual_tile_step": SIDE,
            "residual_plane": COLUMNS, "takes_moments": 1, "begins_moments": int(first == 0), "moments": PLACE,
            "moments_channels": CHANNELS - first * SIDE,
        }  # fmt: skip
        self.bench.add("matmul", **{**fields, **more})

    def is_exact(self) -> bool:
        """Run, with a LayerNorm behind, and return whether it is that of the rows that stand in the buffer."""
        self.bench.add(
            "lane", function=2, a_is_wide=1, is_wide=1, row_blocks=3, channels=CHANNELS, last_rows=SIDE, tokens=ROWS,
            tiles=TILES, a=OUT, a_step=2 * COLUMNS, a_plane=COLUMNS, out=NORMALIZED, out_step=2 * CHANNELS,
            out_plane=CHANNELS, sets=9, has_moments=1, moments=PLACE,
        )  # fmt: skip
        self.bench.run()
        rows = self.bench.take(OUT, (ROWS, COLUMNS), width=2)[:, :CHANNELS].copy()
        assert {-32768, 32767} < set(rows.reshape(-1).tolist())
        spec = LayerNorm(torch.from_numpy(self.multiplier), torch.from_numpy(self.offset), 20, EPSILON, 16)
        found = self.bench.take(NORMALIZED, (ROWS, CHANNELS), width=2)
        return np.array_equal(found, spec.compute(torch.from_numpy(rows)).numpy())


# -- the memory --------------------------------------------------------------------------------------------------------
def test_every_lane_has_the_moments_of_its_row(seed: int) -> None:
    words = integers(np.random.default_rng(seed), 16, 200 * 6 * 4).reshape(200, 6, 4)
    words[1], words[2] = -32768, 32767
    body = """
        auto moments = no_words<4>();
        for (int channel = 0; channel < 6; ++channel) {
            Codes<4> codes;
            for (int n = 0; n < 4; ++n) codes.lane[n] = in[4 * channel + n];
            moments = with_word(moments, codes);
        }
        for (int n = 0; n < 4; ++n) {
            out[n] = moments.lane[n].sum;
            out[4 + n] = moments.lane[n].squares;
        }"""
    found = run_cpp("row_moments", body, words.reshape(200, -1), outputs=8)
    np.testing.assert_array_equal(found, np.concatenate([words.sum(1), (words * words).sum(1)], 1))


def test_a_place_beyond_the_last_is_an_error() -> None:
    body = "out[0] = moments_place<Machine>(int(in[0]), int(in[1]));"
    inside = [[0, 0], [1, 1], [0, 2], [2, 0]]
    found = run_cpp("row_moments", body, inside, declarations=MACHINE.format(3))
    assert found[:, 0].tolist() == [0, 2, 2, 2]
    for beyond in ([3, 0], [0, 3], [2, 1]):
        with pytest.raises(AssertionError, match="the place of moments must be below 3, not 3"):
            run_cpp("row_moments", body, [beyond], declarations=MACHINE.format(3))


def test_a_machine_without_a_place_compiles_and_has_none() -> None:
    body = """
        static RowMoments<Machine> row_moments{};
        out[0] = int64_t(row_moments[moments_place<Machine>(int(in[0]), 0)].lane[0].sum);"""
    with pytest.raises(AssertionError, match="the place of moments must be below 0, not 0"):
        run_cpp("row_moments", body, [[0]], declarations=MACHINE.format(0))


# -- from a matmul to a LayerNorm --------------------------------------------------------------------------------------
def test_a_layernorm_has_the_moments_of_what_drained(seed: int) -> None:
    case = Case(seed)
    case.add_matmul()
    assert case.is_exact()


def test_a_second_matmul_goes_on_with_other_columns(seed: int) -> None:
    case = Case(seed)
    case.add_matmul(tiles=1, moments_channels=CHANNELS)
    case.add_matmul(first=1, tiles=2)
    assert case.is_exact()


def test_columns_behind_the_last_channel_may_be_whole_tiles(seed: int) -> None:
    case = Case(seed)
    case.add_matmul(first=2, tiles=1, begins_moments=1)
    case.add_matmul(tiles=1, begins_moments=0, moments_channels=SIDE)
    case.add_matmul(first=1, tiles=2, moments_channels=SIDE)
    assert case.is_exact()


def test_what_was_taken_before_is_forgotten_at_the_first_column(seed: int) -> None:
    case = Case(seed)
    case.add_matmul(a=RESIDUAL, moments_channels=COLUMNS)
    case.add_matmul()
    assert case.is_exact()


def test_a_matmul_that_takes_none_leaves_the_places_alone(seed: int) -> None:
    case = Case(seed)
    case.add_matmul()
    case.add_matmul(takes_moments=0)
    assert case.is_exact()


# -- what is broken on purpose ---------------------------------------------------------------------------------------
BREAKS = {
    "padding counts": ("epilogue", "int(matmul.moments_channels) - column_tile * P : 0", "P : 0"),
    "nothing is forgotten": ("epilogue", "column_tile == 0", "column_tile < 0"),
    "all is forgotten at every tile": ("epilogue", "column_tile == 0", "column_tile >= 0"),
    "row-blocks share a place": ("row_moments", "first + row_block", "first + 0 * row_block"),
}


def broken(name: str, old: str, new: str) -> Path:
    sources = machine_sources(arch_of(SIDE))
    header = f"vitaccel_hls/{name}.hpp"
    assert sources[header].count(old) == 1
    changed = sources | {header: sources[header].replace(old, new)}
    return compiled(changed, "model.cpp", flags=CHECKED, is_library=True)


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_a_mistake_is_seen(change: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    library = broken(*change)
    monkeypatch.setattr(machine_bench, "library", lambda *_, **__: library)
    case = Case(3)
    case.add_matmul()
    case.add_matmul()
    assert not case.is_exact()
