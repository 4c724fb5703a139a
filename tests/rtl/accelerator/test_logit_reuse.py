"""Attention whose logits are kept, and attention with what was kept, on the engine: what the reference says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from tests.rtl.accelerator.engine_bench import Engine, EngineBench
from tests.rtl.accelerator.test_compute_engine import LOGIT_WORDS, OUT, SETS, WEIGHT_WORDS, WORDS, Sets, put, rows_of
from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.completions import DONE_PHASE
from vitaccel_rtl.accelerator.compute_engine import ComputeEngine
from vitaccel_rtl.accelerator.kept_logits import CLIENTS
from vitaccel_rtl.accelerator.kept_operand import CLIENT
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD, attention_pace, lead, transposed_pace
from vitaccel_rtl.latency import SLOTS

SIDE, HEADS, HEAD_DIM, QUERIES, KEYS = 4, 2, 5, 6, 11
KEY_BLOCKS, QUERY_BLOCKS, TILES = 3, 2, 2
Q, K, V, V2, KEPT, OUT2 = 0, 128, 256, 352, 512, OUT + 256
CHANNELS, STEP, PLANE = 16, 32, 16


@lru_cache
def engine() -> Engine:
    softmax = {**powers_of(6), "numerator_bits": 8, "sum_bits": 28, "reciprocal": reciprocal_of(Reciprocal())}
    made = ComputeEngine(
        side=SIDE, words=WORDS, weight_words=WEIGHT_WORDS, logit_words=LOGIT_WORDS, sets=SETS, softmax=softmax,
        kept_rows=64,
    )  # fmt: skip
    others = {3: CLIENT}, {2: CLIENTS[0], 3: CLIENTS[1]}
    bench = EngineBench(made, side=SIDE, words=WORDS, sets=SETS, first_read=0, first_write=0, others=others)
    return Engine(bench, seed=1)


def first_instruction() -> dict[str, int]:
    pace = attention_pace(
        side=SIDE, head_dim=HEAD_DIM, keys=KEYS, has_lines=False, numerator_bits=8, spread=7, out_spread=7,
        kept_spread=7,
    )  # fmt: skip
    return {
        "frames": 1, "heads": HEADS, "row_blocks": QUERY_BLOCKS, "last_rows": QUERIES - SIDE, "head_dim": HEAD_DIM,
        "key_blocks": KEY_BLOCKS, "last_keys": KEYS - 2 * SIDE, "keys": KEYS, "value_tiles": TILES,
        "last_channels": HEAD_DIM - SIDE, "q": Q, "q_step": CHANNELS, "q_head": HEAD_DIM, "k": K, "k_step": CHANNELS,
        "k_head": HEAD_DIM, "v": V, "v_step": 16, "v_head": TILES * 16, "out": OUT, "out_step": CHANNELS,
        "out_head": HEAD_DIM, "keeps_logits": 1, "logits": KEPT, "logits_step": STEP, "logits_plane": PLANE,
        "logits_head": QUERIES, "sets": 0, **pace._asdict(),
    }  # fmt: skip


def second_instruction() -> dict[str, int]:
    pace = transposed_pace(side=SIDE, queries=QUERIES, spread=7, out_spread=7)
    return {
        "mode": isa.ATTENTION_MODES.index("post_softmax_T"), "frames": 1, "heads": HEADS, "row_blocks": KEY_BLOCKS,
        "last_rows": KEYS - 2 * SIDE, "keys": QUERIES, "value_tiles": TILES, "last_channels": HEAD_DIM - SIDE,
        "q_head": QUERY_BLOCKS * SIDE, "v": V2, "v_step": 8, "v_head": TILES * 8, "out": OUT2, "out_step": CHANNELS,
        "out_head": HEAD_DIM, "logits": KEPT, "logits_step": STEP, "logits_plane": PLANE, "logits_head": QUERIES,
        "sets": 8, **pace._asdict(),
    }  # fmt: skip


def values_of(memory: np.ndarray, at: int, step: int, head: int, rows: int) -> np.ndarray:
    places = [at + (head * TILES + tile) * step for tile in range(TILES)]
    return np.concatenate([memory[x : x + rows].view(np.int8) for x in places], axis=1)[:, :HEAD_DIM].astype(np.int64)


@pytest.mark.parametrize("between", [False, True])
def test_kept_logits_are_used_again(between: bool, seed: int) -> None:
    """Other attention in between, whose logits are not kept, leaves the statistics alone."""
    random, made, softmax = np.random.default_rng(seed), engine(), OnlineSoftmax(6, 8)
    memory = random.integers(0, 256, (WORDS, SIDE), dtype=np.uint8)
    memory[KEPT : KEPT + KEY_BLOCKS * STEP] = 0
    made.load(memory)
    of_logits = Sets(np.zeros(2, int), random.integers(1 << 16, 1 << 17, 2), random.integers(22, 25, 2))
    of_output = Sets(np.zeros(2, int), random.integers(1 << 16, 1 << 17, 2), random.integers(14, 17, 2))
    again = Sets(np.zeros(4, int), random.integers(1 << 16, 1 << 17, 4), random.integers(32, 36, 4))
    made.load_sets(
        np.concatenate(
            [np.stack([of_logits.raw, of_output.raw], 1).reshape(-1, 8), np.zeros((4, 8), np.uint8), again.raw]
        )
    )
    first, second = first_instruction(), second_instruction()
    other = first | {"keeps_logits": 0, "k": Q, "q": K}
    program = [first, *([other | {"out": OUT2}] if between else []), second]
    cycles = made.run(*((isa.ATTENTION, fields) for fields in program))
    found = made.look(WORDS)
    for head in range(HEADS):
        q, k = (
            rows_of(memory, at + head * HEAD_DIM, CHANNELS, blocks, HEAD_DIM)[:count]
            for at, blocks, count in ((Q, QUERY_BLOCKS, QUERIES), (K, KEY_BLOCKS, KEYS))
        )
        scale = (of_logits.offsets, of_logits.multipliers, of_logits.shifts)
        logits = Sets(*(np.full(KEYS, x[head]) for x in scale)).requantize(q @ k.T, 16).astype(np.int16)
        for query in range(QUERIES):
            for block in range(KEY_BLOCKS):
                at = KEPT + block * STEP + head * QUERIES + query
                code = logits[query, block * SIDE : (block + 1) * SIDE].view(np.uint16)
                np.testing.assert_array_equal(found[at, : len(code)], code & 255)
                np.testing.assert_array_equal(found[at + PLANE, : len(code)], code >> 8)
        p = softmax.probabilities(torch.from_numpy(logits)).numpy()
        product = torch.from_numpy(p.T @ values_of(memory, V2, 8, head, QUERIES))
        result = saturate(
            round_shift(product * int(again.multipliers[2 * head + 1]), int(again.shifts[2 * head + 1])), 8
        )
        expected = np.zeros((WORDS, SIDE), np.uint8)
        padded = np.zeros((KEY_BLOCKS * SIDE, HEAD_DIM), np.int64)
        padded[:KEYS] = result.numpy()
        for block in range(KEY_BLOCKS):
            at = OUT2 + block * CHANNELS + head * HEAD_DIM
            put(expected, at, 0, padded[block * SIDE : (block + 1) * SIDE].T, wide=False)
            valid = min(SIDE, KEYS - block * SIDE)
            np.testing.assert_array_equal(found[at : at + HEAD_DIM, :valid], expected[at : at + HEAD_DIM, :valid])
    accepted, done = cycles[-1]
    digits = HEADS * KEY_BLOCKS * TILES * 2
    last = lead(QUERIES, SIDE) + (digits - 1) * second["values_interval"]
    assert done - accepted == SLOTS * (last + second["result"] - 1) + DONE_PHASE
    assert second["result"] > KEPT_AHEAD
