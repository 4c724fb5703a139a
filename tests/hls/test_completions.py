"""Completions in C++: every engine hears of every completion, and at the end that all are through."""

from __future__ import annotations

from tests.hls.cpp_bench import run_cpp
from vitaccel_rtl.accelerator.isa import ENGINES

# Completions, in[0] of them, and then the ends. What is written: counts, and by engine how many tokens, and the last.
BODY = """
        Completions completions;
        DoneStream done[ENGINES];
        TokenStream tokens[ENGINES];
        for (int n = 0; n < in[0]; ++n) done[n * n % ENGINES].write(Done{false});
        for (int n = 0; n < 20; ++n) pass_on(completions, done, tokens);
        out[8] = int(completions.ended);
        for (int n = 0; n < ENGINES; ++n) done[n].write(Done{true});
        out[9] = pass_on(completions, done, tokens);
        for (int engine = 0; engine < ENGINES; ++engine) {
            out[engine] = int(completions.count[engine]);
            Token token = 0;
            int count = 0;
            while (tokens[engine].read_nb(token)) ++count;
            out[4 + engine] = 100 * count + int(token);
        }"""


def test_everybody_hears_of_everything() -> None:
    found = run_cpp("completions", BODY, [[0], [1], [18]], outputs=10)
    for (number,), row in zip([[0], [1], [18]], found.tolist(), strict=True):
        counts = [sum(n * n % 4 == engine for n in range(number)) for engine in range(4)]
        assert row[:4] == counts
        assert row[4:8] == [100 * (number + 1) + len(ENGINES)] * 4
        assert row[8:] == [0, 1]
