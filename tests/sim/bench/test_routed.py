"""What the benches of gather and scatter-add expect is what the interpreter computes."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from vitaccel.backends.interpreter import moe
from vitaccel.ir.program import Gather, ScatterAdd
from vitaccel_sim.bench.routed import (
    RoutedJob,
    add,
    gathered,
    lengths_met,
    random_buffer,
    random_job,
    result_words,
    sums_met,
    update,
)
from vitaccel_sim.bench.routed_bins import LENGTH_BINS, SUM_BINS

FRAME_TOKENS, TOKENS = 13, 39


class Bank:
    """The activation buffer of the interpreter, as far as a gather or a scatter-add of one image sees it."""

    def __init__(self, reads: dict[int, torch.Tensor]) -> None:
        self.reads, self.written = reads, torch.empty(0)

    def read_rows(self, address: int, *_: int) -> torch.Tensor:
        return self.reads[address]

    read_tokens = read_rows

    def write_tokens(self, _address: int, _step: int, values: torch.Tensor, _width: int) -> None:
        self.written = values


def state(bank: Bank, side: int, job: RoutedJob, tokens: list[int]) -> Any:
    queue = SimpleNamespace(tokens=torch.tensor(tokens), scores=torch.tensor(job.scores))
    return SimpleNamespace(
        memories=SimpleNamespace(activation=bank),
        arch=SimpleNamespace(array=SimpleNamespace(side=side)),
        queues=[[queue]],
        sets=lambda _first, _count: (torch.tensor([0]), torch.tensor([job.multiplier]), torch.tensor([job.shift])),
    )


def row_of(token: int, side: int) -> int:
    """Frames are padded to whole row-blocks."""
    return token // FRAME_TOKENS * (-(-FRAME_TOKENS // side) * side) + token % FRAME_TOKENS


@pytest.mark.parametrize("side", [4, 5, 8])
@pytest.mark.parametrize("entries", [1, 7, 37])
def test_gathered_words_are_those_of_the_interpreter(side: int, entries: int, seed: int) -> None:
    job = random_job(random.Random(seed), side, entries)
    channels = job.tiles * side
    rows = torch.randint(-128, 128, (1, 64, channels), generator=torch.Generator().manual_seed(seed))
    bank = Bank({0: rows})
    moe.gather(Gather(layer="", a=0, out=1, channels=channels, expert=0), state(bank, side, job, list(job.rows)))
    buffer = {
        job.address + tile * job.step + row: rows[0, row, tile * side : (tile + 1) * side].tolist()
        for tile in range(job.tiles) for row in range(64)
    }  # fmt: skip
    words = torch.tensor([word["lanes"] for word in gathered(job, buffer, side)])
    assert torch.equal(words.reshape(-1, channels, side).transpose(1, 2).reshape(1, -1, channels), bank.written)


@pytest.mark.parametrize("side", [4, 5, 8])
@pytest.mark.parametrize("entries", [1, 7, 37])
def test_sums_are_those_of_the_interpreter(side: int, entries: int, seed: int) -> None:
    """Rows of tokens of three frames; the sum that is kept token by token, word for word."""
    rng = random.Random(seed)
    tokens = rng.sample(range(TOKENS), entries)
    drawn = random_job(rng, side, entries, tiles=2)
    job = RoutedJob(
        address=0, step=64, tiles=2, rows=[row_of(token, side) for token in tokens], scores=drawn.scores,
        multiplier=drawn.multiplier, shift=drawn.shift, results=drawn.results,
    )  # fmt: skip
    channels = 2 * side
    total = torch.randint(-(2**15), 2**15, (1, 64, channels), generator=torch.Generator().manual_seed(seed)).short()
    buffer = {64 * tile + row: total[0, row, tile * side :][:side].tolist() for tile in range(2) for row in range(64)}
    bank = Bank({0: torch.tensor(job.results)[None], 1: total})
    instruction = ScatterAdd(layer="", a=0, out=1, frame_tokens=FRAME_TOKENS, channels=channels, expert=0)
    moe.scatter_add(instruction, state(bank, side, job, tokens))
    add(job, buffer, side)
    sums = [[buffer[64 * tile + row] for tile in range(2)] for row in range(64)]
    assert torch.equal(torch.tensor(sums).reshape(1, 64, channels), bank.written.to(torch.int64))


def test_results_come_block_by_block_channel_by_channel(seed: int) -> None:
    job = random_job(random.Random(seed), 4, 5, tiles=1)
    words = result_words(job, 4, beyond=9)
    assert [word["last"] for word in words] == [0, 0, 0, 1] * 2
    assert [word["lanes"][0] for word in words] == [*job.results[0], *job.results[4]]
    assert all(word["lanes"][1:] == [9] * 3 for word in words[4:])
    assert update(job).shape == (5, 4)


def test_bins_are_met_by_what_they_say() -> None:
    one = RoutedJob(address=0, step=8, tiles=1, rows=(3,), scores=(0,), multiplier=1, shift=1, results=[[0] * 4])
    none = RoutedJob(address=0, step=8, tiles=2, rows=(), scores=(), multiplier=1, shift=1, results=[])
    met = lengths_met([one, none], 4)
    assert {name for name, count in met.items() if count} == {
        "an empty queue",
        "a queue of one entry",
        "one tile",
        "tiles",
    }
    assert set(met) == set(LENGTH_BINS)
    met = sums_met([one, one], random_buffer(random.Random(0), [one], 4, 8), 4)
    assert {name for name, count in met.items() if count} == {"a score of 0", "a row of the job before"}
    assert set(met) == set(SUM_BINS)
