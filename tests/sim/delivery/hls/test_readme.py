"""The README of a network in C++: what a header is about is the header's own first line."""

from __future__ import annotations

from tests.sim.delivery.hls.micro import hls_network
from vitaccel_sim.delivery.hls.readme import HLS_MARK, README


def test_headers_are_described_by_their_first_line() -> None:
    text = hls_network().files[README].decode()
    assert "| `vitaccel_hls/array.hpp` | The array: P x P multiply-accumulators, one word of each operand" in text
    assert text.startswith("# micro on vitaccel, in C++\n")
    assert HLS_MARK in text
    assert "\n| golden images | 2 |\n" in text
