# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""The array is matmul.accumulate for any depth, sign, drain and stall; its timing is what it declares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.rtl.array_bench import Tile, extreme_tiles, random_tile, words_in, words_out
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, pack, payload_shape, refuses, run, unpack
from vitaccel.reference.matmul import accumulate_unsigned
from vitaccel_rtl.array import Array
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.model import Model, StreamRun
from vitaccel_sim.verilate import build

VERILATED_SIDES = (4, 8, 16)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def depths(side: int) -> tuple[int, ...]:
    return 1, side - 1, side, side + 1, 2 * side + 3, 1, 1, side


@pytest.fixture(scope="module", params=VERILATED_SIDES, ids=lambda side: f"P={side}")
def verilated(request: pytest.FixtureRequest) -> tuple[int, Model]:
    side: int = request.param
    return side, build(Array(side=side), name=f"array_{side}")


def through(model: Model, side: int, tiles: list[Tile], **profile: tuple[bool, ...]) -> tuple[StreamRun, list[object]]:
    shapes = [payload_shape(getattr(Array(side=side), port).signature) for port in ("i", "o")]
    model.reset()
    run = model.stream([pack(shapes[0], word) for word in words_in(tiles)], side * len(tiles), **profile)
    return run, [unpack(shapes[1], word) for word in run.words]


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_array_is_the_reference_under_every_profile(side: int, profile: Profile, seed: int) -> None:
    g = generator(seed)
    tiles = [random_tile(g, side, depth) for depth in depths(side)] + extreme_tiles(side, 2)
    result = run(Array(side=side), words_in(tiles), side * len(tiles), profile, seed)
    assert result.words == words_out(tiles)


def test_narrow_accumulators_wrap() -> None:
    tile = Tile(torch.full((2, 5), -128), torch.full((5, 2), -128))
    result = run(Array(side=2, accumulator_bits=17), tile.words_in, 2)
    wrapped = 5 * 2**14 - 2**17
    assert [word["lanes"] for word in result.words] == [[wrapped] * 2] * 2


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 9])
def test_amaranth_and_declared_timing_agree(depth: int, seed: int) -> None:
    array, g = Array(side=3), generator(seed)
    tiles = [random_tile(g, 3, depth) for _ in range(6)]
    result = run(array, words_in(tiles), 18, FULL_SPEED)
    check_timing(array, depth, np.array(result.accepted), np.array(result.offered))


@pytest.mark.parametrize("take", [(True,), (False, False, True), (True, False), (False,) * 40 + (True,) * 23])
@pytest.mark.parametrize("offer", [(True,), (True, False, False), (False,) * 17 + (True,) * 29])
def test_verilated_array_is_the_reference(
    verilated: tuple[int, Model], take: tuple[bool, ...], offer: tuple[bool, ...], seed: int
) -> None:
    side, model = verilated
    g = generator(seed)
    tiles = [random_tile(g, side, depth) for depth in depths(side)] + extreme_tiles(side, 3)
    assert through(model, side, tiles, offer=offer, take=take)[1] == words_out(tiles)


@pytest.mark.parametrize("depth", [197, 577])
def test_verilated_array_of_real_depths(verilated: tuple[int, Model], depth: int, seed: int) -> None:
    side, model = verilated
    g = generator(seed)
    tiles = [random_tile(g, side, depth) for _ in range(3)] + extreme_tiles(side, depth)
    assert through(model, side, tiles)[1] == words_out(tiles)


def test_digits_of_numerators_add_up(verilated: tuple[int, Model], seed: int) -> None:
    """A 16-bit numerator is two passes of unsigned digits; what drains of the second is shifted and added."""
    side, model = verilated
    g = generator(seed)
    u = torch.randint(2**16, (side, 197), generator=g)
    v = torch.randint(-128, 128, (197, side), generator=g)
    u[0], v[:, 0] = 2**16 - 1, -128
    passes = [Tile(digit, v, unsigned=True) for digit in (u & 255, u >> 8)]
    columns = [word["lanes"] for word in through(model, side, passes)[1]]  # type: ignore[index]
    low, high = torch.tensor(columns[:side]).T, torch.tensor(columns[side:]).T
    assert torch.equal(low + (high << 8), accumulate_unsigned(u, v, 16))


@pytest.mark.parametrize("side", [2, 3, 5])
@pytest.mark.parametrize("profile", PROFILES[::3], ids=str)
def test_two_products_a_multiplier_are_the_same_words(side: int, profile: Profile, seed: int) -> None:
    g = generator(seed)
    tiles = [random_tile(g, side, depth) for depth in depths(side)] + extreme_tiles(side, 2)
    array = Array(side=side, macs_per_multiplier=2)
    assert run(array, words_in(tiles), side * len(tiles), profile, seed).words == words_out(tiles)
    assert (array.multipliers, Array(side=side).multipliers) == (-(-side // 2) * side, side * side)


@pytest.mark.parametrize("macs_per_multiplier", [1, 2])
def test_every_product_of_a_pair(macs_per_multiplier: int) -> None:
    """All extremes of both rows against each other: what the lower product borrows is given back."""
    ends = (-128, -127, -1, 0, 1, 126, 127)
    tiles = [
        Tile(torch.tensor([[low], [high]]), torch.tensor([[b, -b - 1]]))
        for low in ends for high in ends for b in (-128, -1, 0, 1, 127)
    ]  # fmt: skip
    array = Array(side=2, macs_per_multiplier=macs_per_multiplier)
    assert run(array, words_in(tiles), 2 * len(tiles)).words == words_out(tiles)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("macs_per_multiplier", [1, 2])
def test_numerators_digit_by_digit(macs_per_multiplier: int, bits: int, seed: int) -> None:
    """The upper digit of every key, then the lower: one tile, ``max(2 K, P)`` cycles."""
    g, side = generator(seed), 3
    array = Array(side=side, accumulator_bits=35, macs_per_multiplier=macs_per_multiplier, has_digits=True)
    words, expected = [], []
    for keys in (1, 2, 5, 40):
        u = torch.randint(0, 2**bits, (side, keys), generator=g)
        u[:, 0] = 2**bits - 1
        v = torch.randint(-128, 128, (keys, side), generator=g)
        high, low = Tile(u >> 8, v, unsigned=True).words_in, Tile(u & 255, v, unsigned=True).words_in
        words += [{**word, "next_digit": 0, "last": 0} for word in high]
        words += [{**word, "next_digit": int(place == 0)} for place, word in enumerate(low)]
        expected += accumulate_unsigned(u, v, bits).T.tolist()
    result = run(array, words, len(expected))
    assert [word["lanes"] for word in result.words] == expected
    assert result.offered[0] - result.accepted[1] == array.latency_cycles


def test_verilated_timing_is_what_is_declared(verilated: tuple[int, Model], seed: int) -> None:
    side, model = verilated
    g = generator(seed)
    for depth in (1, side - 1, side, side + 1, 3 * side):
        result, _ = through(model, side, [random_tile(g, side, depth) for _ in range(6)])
        check_timing(Array(side=side), depth, result.accepted, result.taken)


def test_reset_in_the_middle_leaves_nothing(verilated: tuple[int, Model], seed: int) -> None:
    side, model = verilated
    tiles = [random_tile(generator(seed), side, depth) for depth in (side, 2, side)]
    for cycles in range(0, 4 * side, 3):
        through(model, side, [random_tile(generator(seed + 1), side, side)])
        interrupted = [pack(payload_shape(Array(side=side).i.signature), word) for word in words_in(tiles)]
        model.stream(interrupted, 3 * side, limit_cycles=cycles)
        assert through(model, side, tiles)[1] == words_out(tiles)


def test_verilog_is_clean_and_has_one_module_for_all_rows_that_are_alike() -> None:
    verilog = to_verilog(Array(side=8), name="array")
    assert lint(verilog) == ()
    assert verilog.text.count("\nmodule array_row") <= 3


def test_impossible_parameters_are_refused() -> None:
    refuses("side must be an integer from 2 to 64, not 1", Array, side=1)
    refuses("accumulator_bits must be an integer from 17 to 48, not 16", Array, side=4, accumulator_bits=16)


def check_timing(array: Array, depth: int, accepted: np.ndarray, taken: np.ndarray) -> None:
    """Require the declared latency, max(K, P) cycles a tile, and results one a cycle."""
    ends, begins = accepted[depth - 1 :: depth], taken[:: array.side]
    assert begins[0] - ends[0] == array.latency_cycles
    assert np.diff(begins).tolist() == [array.interval_cycles(depth)] * (len(begins) - 1)
    assert array.interval_cycles(depth) == max(depth, array.side)
    assert (taken.reshape(-1, array.side) - begins[:, None] == np.arange(array.side)).all()
