"""The compute engine against the reference, integer by integer and cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch

from tests.rtl.accelerator.engine_bench import MOMENT_BLOCKS, Engine, EngineBench
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.ir.parameters import encode_sets
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.requantize import ChannelRequantize
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.completions import DONE_PHASE
from vitaccel_rtl.accelerator.compute_engine import RESIDUAL_CLIENTS, ComputeEngine
from vitaccel_rtl.accelerator.pace import MatMulPace, attention_pace, lead, matmul_pace
from vitaccel_rtl.latency import SLOTS

WORDS, WEIGHT_WORDS, LOGIT_WORDS, SETS = 2048, 512, 256, 128
OUT = 1024
"""Where results begin; operands and residuals are below."""


@lru_cache
def engine_of(side: int) -> Engine:
    softmax = {
        **powers_of(6),
        "numerator_bits": 8,
        "sum_bits": 28,
        "reciprocal": reciprocal_of(Reciprocal()),
    }
    engine = ComputeEngine(
        side=side, words=WORDS, weight_words=WEIGHT_WORDS, logit_words=LOGIT_WORDS, sets=SETS, softmax=softmax,
        moment_blocks=MOMENT_BLOCKS,
    )  # fmt: skip
    others = dict(enumerate(RESIDUAL_CLIENTS, start=2)), {}
    bench = EngineBench(engine, side=side, words=WORDS, sets=SETS, first_read=0, first_write=0, others=others)
    return Engine(bench, seed=1)


@dataclass
class Sets:
    """Offsets, multipliers and shifts of some columns."""

    offsets: np.ndarray
    multipliers: np.ndarray
    shifts: np.ndarray

    @property
    def raw(self) -> np.ndarray:
        return encode_sets(self.offsets, self.multipliers, self.shifts).reshape(-1, 8)

    def requantize(self, product: np.ndarray, bits: int, residual: np.ndarray | None = None) -> np.ndarray:
        spec = ChannelRequantize(*(torch.from_numpy(x) for x in (self.multipliers, self.shifts, self.offsets)), bits)
        added = None if residual is None else torch.from_numpy(residual.astype(np.int64))[None]
        return spec.compute(torch.from_numpy(product)[None], added)[0].numpy()


def sets_of(random: np.random.Generator, columns: int) -> Sets:
    return Sets(
        random.integers(-(1 << 18), 1 << 18, columns),
        random.integers(-(1 << 17), 1 << 17, columns),
        random.integers(16, 24, columns),
    )


def rows_of(memory: np.ndarray, address: int, step: int, blocks: int, channels: int) -> np.ndarray:
    """Token-lane int8 as ``[blocks * P, channels]``."""
    runs = [memory[address + b * step : address + b * step + channels].view(np.int8).T for b in range(blocks)]
    return np.concatenate(runs).astype(np.int64)


def put(memory: np.ndarray, address: int, plane: int, words: np.ndarray, *, wide: bool) -> None:
    """Write words of P codes to consecutive places, both planes if they are wide."""
    codes = words.astype(np.int16).view(np.uint16)
    memory[address : address + len(words)] = codes & 255
    if wide:
        memory[address + plane : address + plane + len(words)] = codes >> 8


def starting(side: int, seed: int) -> tuple[np.random.Generator, Engine, np.ndarray]:
    random = np.random.default_rng(seed)
    engine = engine_of(side)
    memory = random.integers(0, 256, (WORDS, side), dtype=np.uint8)
    engine.load(memory)
    return random, engine, memory


def weights_into(engine: Engine, random: np.random.Generator, first: int, depth: int, n_tiles: int) -> tuple[Any, Sets]:
    """Fill the weight buffer with random tiles and sets; return the matrix and the sets."""
    side = engine.bench.side
    weights, sets = random.integers(-128, 128, (n_tiles, depth, side)), sets_of(random, n_tiles * side)
    raw = [weights.astype(np.int8).view(np.uint8).reshape(n_tiles, -1), sets.raw.reshape(n_tiles, -1)]
    words = np.concatenate(raw, axis=1).reshape(-1, side)
    engine.write("weight", {first + at: int.from_bytes(word.tobytes(), "little") for at, word in enumerate(words)})
    return weights.transpose(1, 0, 2).reshape(depth, -1), sets


def check_cycles(cycles: tuple[int, int], pace: MatMulPace, row_blocks: int, n_tiles: int, begins: int) -> None:
    accepted, done = cycles
    column = pace.first_interval + (row_blocks - 1) * pace.interval
    last = begins + (n_tiles - 1) * column + (row_blocks > 1) * (column - pace.interval)
    assert done - accepted == SLOTS * (last + pace.result - 1) + DONE_PHASE


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize(
    ("depth", "row_blocks", "wide", "residual", "table"),
    [
        (11, 3, False, False, False),
        (16, 1, True, False, False),
        (9, 2, True, True, False),
        (1, 3, True, True, False),
        (7, 2, False, False, True),
        (24, 2, True, False, True),
    ],
)
def test_a_matmul(side: int, depth: int, row_blocks: int, wide: bool, residual: bool, table: bool, seed: int) -> None:
    random, engine, memory = starting(side, seed)
    n_tiles, first, a, a_step = 2, 24, 8, 24
    out_step, plane, residual_at = 48, 24, 512
    matrix, sets = weights_into(engine, random, first, depth, n_tiles)
    entries = random.integers(-(1 << 15), 1 << 15, 256)
    if table:
        engine.write("table", {256 + at: int(entry) & 0xFFFF for at, entry in enumerate(entries)})
    pace = matmul_pace(depth, side, b_is_activation=False)
    fields = {
        "a": a, "a_step": a_step, "depth": depth, "row_blocks": row_blocks, "n_tiles": n_tiles, "b": first,
        "b_step": depth + 8, "out": OUT, "out_step": out_step, "out_tile_step": side, "out_plane": plane,
        "residual": residual_at, "residual_step": out_step, "residual_tile_step": side, "residual_plane": plane,
        "last_rows": side, "is_wide": wide, "has_residual": residual, "has_table": table, "table": 1, **pace._asdict(),
    }  # fmt: skip
    (cycles,) = engine.run((isa.MATMUL, fields))
    check_cycles(cycles, pace, row_blocks, n_tiles, lead(depth, side))

    columns = n_tiles * side
    added = None
    if residual:
        low, high = (rows_of(memory, residual_at + p, out_step, row_blocks, columns) for p in (0, plane))
        added = (low & 255) | (high << 8)
    product = rows_of(memory, a, a_step, row_blocks, depth) @ matrix
    expected = sets.requantize(product, 8 if table or not wide else 16, added)
    if table:
        expected = entries[expected + 128]
    found = engine.look(WORDS)
    for block in range(row_blocks):
        words = expected[block * side : (block + 1) * side].T
        put(memory, OUT + block * out_step, plane, words, wide=wide)
    np.testing.assert_array_equal(found, memory)


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("row_blocks", [1, 3])
def test_matmuls_take_moments_of_their_rows(side: int, row_blocks: int, seed: int) -> None:
    """Columns come in two matmuls, of which the second goes on; a third takes none; a fourth begins elsewhere."""
    random, engine, memory = starting(side, seed)
    depth, n_tiles, out_step, plane, residual = 9, 3, 48, 24, 512
    matrix, sets = weights_into(engine, random, 0, depth, n_tiles)
    pace, columns = matmul_pace(depth, side, b_is_activation=False), n_tiles * side
    low, high = (rows_of(memory, residual + p, out_step, row_blocks, columns) for p in (0, plane))
    added = (low & 255) | (high << 8)
    expected: dict[int, np.ndarray] = {}
    for place, begins, channels in ((5, 1, columns), (5, 0, columns - side - 1), (None, 0, columns), (20, 1, side - 1)):
        a = 8 * int(random.integers(0, 16))
        fields = {
            "a": a, "a_step": 16, "depth": depth, "row_blocks": row_blocks, "n_tiles": n_tiles, "b": 0,
            "b_step": depth + 8, "out": OUT, "out_step": out_step, "out_tile_step": side, "out_plane": plane,
            "residual": residual, "residual_step": out_step, "residual_tile_step": side, "residual_plane": plane,
            "last_rows": side, "is_wide": 1, "has_residual": 1, "takes_moments": place is not None,
            "begins_moments": begins, "moments": place or 0, "moments_channels": channels, **pace._asdict(),
        }  # fmt: skip
        engine.run((isa.MATMUL, fields))
        if place is not None:
            result = sets.requantize(rows_of(memory, a, 16, row_blocks, depth) @ matrix, 16, added)[:, :channels]
            before = expected[place] if not begins else 0
            expected[place] = before + np.stack([result.sum(axis=1), (result**2).sum(axis=1)], axis=1)
            # An instruction that waited for this one asks later than now.
            assert engine.moments(place + row_blocks - 1) == [tuple(row) for row in expected[place][-side:].tolist()]
    for place, sums in expected.items():
        found = [row for block in range(row_blocks) for row in engine.moments(place + block)]
        assert found == [tuple(row) for row in sums.tolist()]


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("from_activation", [False, True])
def test_a_matmul_that_drains_by_rows(side: int, from_activation: bool, seed: int) -> None:
    """Results are channel-lane: word t of a tile is token t, and the last row-block has fewer."""
    random, engine, memory = starting(side, seed)
    depth, row_blocks, n_tiles, first, a, a_step, last_rows = 13, 3, 3, 8, 16, 16, side - 1
    tokens = (row_blocks - 1) * side + last_rows
    tile_step, b_step = 40, 16
    matrix, sets = weights_into(engine, random, first, depth, n_tiles)
    if from_activation:
        first = 640
        tiles = [memory[first + n * b_step : first + n * b_step + depth].view(np.int8) for n in range(n_tiles)]
        matrix, sets = np.concatenate(tiles, axis=1).astype(np.int64), sets_of(random, n_tiles * side)
        engine.load_sets(sets.raw)
    pace = matmul_pace(depth, side, out_spread=side % 8, by_rows=True, b_is_activation=from_activation)
    fields = {
        "a": a, "a_step": a_step, "depth": depth, "row_blocks": row_blocks, "n_tiles": n_tiles, "b": first,
        "b_step": b_step if from_activation else depth + 8, "sets": 0, "out": OUT, "out_step": side,
        "out_tile_step": tile_step, "last_rows": last_rows, "by_rows": 1, "b_is_activation": from_activation,
        **pace._asdict(),
    }  # fmt: skip
    (cycles,) = engine.run((isa.MATMUL, fields))
    check_cycles(cycles, pace, row_blocks, n_tiles, lead(depth, side))
    expected = sets.requantize(rows_of(memory, a, a_step, row_blocks, depth) @ matrix, 8)
    found = engine.look(WORDS)
    for tile in range(n_tiles):
        put(memory, OUT + tile * tile_step, 0, expected[:tokens, tile * side : (tile + 1) * side], wide=False)
    np.testing.assert_array_equal(found, memory)


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize("in_flight", [1, 2])
def test_attention(side: int, in_flight: int, seed: int) -> None:
    random, engine, memory = starting(side, seed)
    heads, head_dim, queries, keys, frames = 2, 6, 2 * side + 1, 2 * side + 3, 2
    blocks, q, k, v, channels = 3, 0, 128, 256, heads * 8
    value_tiles = -(-head_dim // side)
    tile_words = 8 * -(-frames * keys // 8)
    of_logits = Sets(np.zeros(2, int), random.integers(1 << 16, 1 << 17, 2), random.integers(22, 25, 2))
    of_output = Sets(np.zeros(2, int), random.integers(1 << 16, 1 << 17, 2), random.integers(14, 17, 2))
    engine.load_sets(np.stack([of_logits.raw, of_output.raw], axis=1).reshape(-1, 8))
    pace = attention_pace(
        side=side, head_dim=head_dim, keys=keys, has_lines=False, numerator_bits=8, spread=7, out_spread=6
    )
    fields = {
        "frames": frames, "heads": heads, "row_blocks": blocks, "last_rows": queries - 2 * side, "head_dim": head_dim,
        "key_blocks": blocks, "last_keys": keys - 2 * side, "keys": keys, "value_tiles": value_tiles,
        "last_channels": head_dim - (value_tiles - 1) * side, "q": q, "q_step": channels, "q_head": 8,
        "q_frame": blocks * channels, "k": k, "k_step": channels, "k_head": 8, "k_frame": blocks * channels, "v": v,
        "v_step": tile_words, "v_head": value_tiles * tile_words, "v_frame": keys, "out": OUT, "out_step": channels,
        "out_head": head_dim, "out_frame": blocks * channels, "one_in_flight": in_flight == 1, **pace._asdict(),
    }  # fmt: skip
    ((accepted, done),) = engine.run((isa.ATTENTION, fields))
    found = engine.look(WORDS)
    softmax = OnlineSoftmax(6, 8)
    for frame in range(frames):
        for head in range(heads):
            of_q = rows_of(memory, q + frame * blocks * channels + head * 8, channels, blocks, head_dim)
            of_k = rows_of(memory, k + frame * blocks * channels + head * 8, channels, blocks, head_dim)[:keys]
            at = [v + (head * value_tiles + t) * tile_words + frame * keys for t in range(value_tiles)]
            of_v = np.concatenate([memory[x : x + keys].view(np.int8) for x in at], axis=1)[:, :head_dim]
            scale = (of_logits.offsets, of_logits.multipliers, of_logits.shifts)
            logits = Sets(*(np.full(keys, x[head]) for x in scale)).requantize(of_q @ of_k.T, 16).astype(np.int16)
            m, total = softmax.statistics(torch.from_numpy(logits))
            product = softmax.numerators(torch.from_numpy(logits), m).to(torch.int64) @ torch.from_numpy(
                of_v.astype(np.int64)
            )
            scale = [torch.from_numpy(np.full(len(logits), x[head])) for x in (of_output.multipliers, of_output.shifts)]
            result = softmax.normalize(product, total, *scale, 8, None).numpy()
            for block in range(blocks):
                out = OUT + frame * blocks * channels + block * channels + head * head_dim
                put(memory, out, 0, result[block * side : (block + 1) * side].T, wide=False)
    np.testing.assert_array_equal(found, memory)
    assert done > accepted
