from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from tests.rtl.stream_bench import PROFILES, Profile, refuses
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel.backends.rtl.blocks.softmax import powers_of
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel.reference.topk import TopK
from vitaccel_rtl import latency
from vitaccel_rtl.row_choices import RowChoices
from vitaccel_sim.traffic.routing import KINDS, logits_of

LANES, EXPERTS, K = 3, 6, 3


def rows_of() -> RowChoices:
    return RowChoices(lanes=LANES, experts=EXPERTS, k=K, row_blocks=8, **powers_of(8))


def blocks_of(rng: random.Random, count: int, experts: int) -> list[torch.Tensor]:
    return [logits_of(rng.choice(KINDS), LANES, experts, rng) for _ in range(count)]


def words_of(blocks: list[torch.Tensor]) -> list[dict[str, Any]]:
    return [
        {"lanes": logits[:, expert].tolist(), "last": int(expert == logits.shape[1] - 1)}
        for logits in blocks
        for expert in range(logits.shape[1])
    ]


def expected(blocks: list[torch.Tensor], k: int, over_chosen: bool) -> list[dict[str, Any]]:
    words = []
    for logits in blocks:
        best = TopK(logits.shape[1], k).compute(logits)
        chosen = logits.gather(1, best)
        m, total = OnlineSoftmax(8).statistics(chosen if over_chosen else logits)
        words.append({"experts": best.tolist(), "logits": chosen.tolist(), "m": m.tolist(), "total": total.tolist()})
    return words


def cut(word: dict[str, Any], k: int) -> dict[str, Any]:
    """Return a word without the ranks that a job does not choose."""
    return {**word, **{name: [lane[:k] for lane in word[name]] for name in ("experts", "logits")}}


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("over_chosen", [False, True])
def test_choices_and_statistics_of_jobs_that_change(over_chosen: bool, profile: Profile, seed: int) -> None:
    """Words of all jobs are offered from the start, and none is taken before its job."""
    rng = random.Random(seed)
    block = rows_of()
    jobs, words, wanted, ranks = [], [], [], []
    for k, experts, over in ((K, EXPERTS, over_chosen), (1, 4, not over_chosen), (2, 2, over_chosen)):
        blocks = blocks_of(rng, 3, experts)
        jobs.append({"row_blocks": 3, "k": k, "over_chosen": int(over)})
        words += words_of(blocks)
        wanted += expected(blocks, k, over)
        ranks += [k] * 3
    out = Sink(len(wanted), profile)
    exchange(
        block, [(block.job, Source(jobs, profile)), (block.i, Source(words, profile))], [(block.o, out)], seed=seed
    )
    assert [cut(word, k) for word, k in zip(out.words, ranks, strict=True)] == wanted


@pytest.mark.parametrize("over_chosen", [False, True])
def test_cycles_from_row_block_to_row_block(over_chosen: bool, seed: int) -> None:
    """A row in as many cycles as it has words; over the chosen ones, also those and the statistics behind them."""
    block = rows_of()
    words = words_of(blocks_of(random.Random(seed), 5, EXPERTS))
    job = {"row_blocks": 5, "k": K, "over_chosen": int(over_chosen)}
    rows, out = Source(words), Sink(5)
    exchange(block, [(block.job, Source([job])), (block.i, rows)], [(block.o, out)])
    statistics = latency.softmax_statistics(has_lines=True) + latency.CREDIT_QUEUE
    interval = max(EXPERTS, K + statistics) if over_chosen else EXPERTS
    first = EXPERTS + statistics - 1
    if over_chosen:
        first += latency.TOPK + latency.CREDIT_QUEUE + K - 1
    assert [taken - rows.accepted[0] for taken in out.taken] == [first + n * interval for n in range(5)]


def test_parameters_out_of_range_are_refused() -> None:
    options = {"lanes": 1, "experts": 4, "k": 1, "row_blocks": 1, **powers_of(8)}
    refuses("k of a router must be an integer from 1 to 4, not 5", RowChoices, **{**options, "k": 5})
    refuses(
        "row_blocks of a router must be an integer from 1 to 16384, not 0", RowChoices, **{**options, "row_blocks": 0}
    )
