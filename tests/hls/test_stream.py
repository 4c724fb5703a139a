"""A stream in software is a queue that never is full."""

from __future__ import annotations

from tests.hls.cpp_bench import run_cpp

BODY = """
        Stream<int64_t, 2> stream;
        int64_t item = -1;
        out[0] = stream.read_nb(item);
        for (int n = 0; n < 5; ++n) stream.write(10 * in[0] + n);
        out[1] = stream.empty();
        for (int n = 0; n < 5; ++n) {
            stream.read_nb(item);
            out[2 + n] = item;
        }
        out[7] = stream.empty();"""


def test_items_come_in_their_order() -> None:
    assert run_cpp("stream", BODY, [[3]], outputs=8)[0].tolist() == [0, 0, 30, 31, 32, 33, 34, 1]
