"""Logits that are kept in C++, and the statistics of their rows, by what comes of them."""

from __future__ import annotations

import numpy as np

from tests.hls.attention_bench import BACK, KEPT, OUT, Case

CASE = Case(4, 2, 5, 6, 9, 11, 5)


def test_logits_are_kept_with_keys_as_tokens() -> None:
    bench = CASE.bench()
    bench.words[KEPT:] = 77
    CASE.add(bench, 1, keeps_logits=1, **CASE.kept)
    bench.run()
    channels = CASE.heads * CASE.queries
    found = bench.take(KEPT, (CASE.keys, channels), width=2)
    expected = CASE.logits.permute(2, 0, 1).reshape(CASE.keys, channels).numpy()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(bench.take(OUT, (CASE.queries, CASE.heads * CASE.value_dim)), CASE.expected(8))
    # Queries that are none are not written: nothing behind the last row-block of keys.
    assert (bench.words[KEPT + 3 * 2 * channels :] == 77).all()


def test_the_statistics_are_those_of_the_last_attention_that_kept_any() -> None:
    bench = CASE.bench()
    CASE.add(bench, 1, keeps_logits=1, **CASE.kept)
    CASE.add(bench, 1)
    CASE.add_back(bench, 2)
    bench.run()
    found = bench.take(BACK, (CASE.keys, CASE.heads * CASE.value_dim), width=2)
    np.testing.assert_array_equal(found, CASE.expected_back(16))
