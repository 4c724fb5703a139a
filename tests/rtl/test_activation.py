from __future__ import annotations

import random

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, check_full_speed, refuses, run
from vitaccel.reference.activation import ActivationTable
from vitaccel_rtl.activation import Activation


def loader(block: Activation, *tables: tuple[int, ...]):
    async def load(ctx):
        for address, entry in enumerate(entry for table in tables for entry in table):
            ctx.set(block.write_enable, 1)
            ctx.set(block.write_address, address)
            ctx.set(block.write_data, entry)
            await ctx.tick()
        ctx.set(block.write_enable, 0)

    return load


def all_codes(lanes: int) -> list[dict]:
    """All 256 inputs in every lane, each lane in an order of its own."""
    return [{"lanes": [(c * (2 * i + 1)) % 256 - 128 for i in range(lanes)], "last": c == 255} for c in range(256)]


def expected(spec: ActivationTable, words: list[dict]) -> list[list[int]]:
    return spec.compute(torch.tensor([w["lanes"] for w in words])).tolist()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["gelu", "hardswish"])
def test_every_code_gives_the_entry_of_the_spec(kind: str, bits: int) -> None:
    spec = ActivationTable(kind, 0.05, 0.04, bits)
    block = Activation(lanes=3, bits=bits)
    words = all_codes(3)
    result = run(block, words, len(words), setup=loader(block, spec.table))
    assert [w["lanes"] for w in result.words] == expected(spec, words)
    assert [w["last"] for w in result.words] == [0] * 255 + [1]
    check_full_speed(result, block)


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_profile_gives_the_same_words(profile: Profile, seed: int) -> None:
    spec = ActivationTable("relu", 0.05, 0.04)
    block = Activation(lanes=2)
    words = random.Random(seed).sample(all_codes(2), 100)
    result = run(block, words, len(words), profile, seed, setup=loader(block, spec.table))
    assert [w["lanes"] for w in result.words] == expected(spec, words)


def test_a_word_chooses_its_table(seed: int) -> None:
    rng = random.Random(seed)
    specs = [ActivationTable("relu", 0.05, 0.04), ActivationTable("gelu", 0.03, 0.01)]
    block = Activation(lanes=2, slots=2)
    words = [{**w, "slot": rng.randint(0, 1)} for w in all_codes(2)]
    result = run(block, words, len(words), setup=loader(block, *(s.table for s in specs)))
    tables = [expected(spec, words) for spec in specs]
    assert [w["lanes"] for w in result.words] == [tables[w["slot"]][n] for n, w in enumerate(words)]


def test_one_bit_of_the_table_is_found(seed: int) -> None:
    rng = random.Random(seed)
    spec = ActivationTable("gelu", 0.05, 0.04)
    flipped = list(spec.table)
    place = rng.randrange(256)
    flipped[place] ^= 1
    block = Activation(lanes=1)
    words = all_codes(1)
    result = run(block, words, len(words), setup=loader(block, tuple(flipped)))
    wrong = [n for n, w in enumerate(result.words) if w["lanes"] != expected(spec, words)[n]]
    assert wrong == [place]


def test_parameters_out_of_range_are_refused() -> None:
    refuses("lanes of an activation must be an integer from 1 to 256, not 257", Activation, lanes=257)
    refuses("bits of an activation must be 8 or 16, not 12", Activation, lanes=1, bits=12)
    refuses("slots of an activation must be 1, 2, 4, 8 or 16, not 3", Activation, lanes=1, slots=3)
