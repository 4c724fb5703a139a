"""A seed that fails leaves the others; if none is left, that is an error."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.rtl.synthesis.test_nextpnr import path, report
from vitaccel_rtl.synthesis.seeds import with_each
from vitaccel_rtl.synthesis.tools import SynthesisError


@pytest.fixture
def routed(tmp_path: Path) -> Path:
    """What stands for a place-and-route."""
    (tmp_path / "report.json").write_text(json.dumps(report(path("posedge clk", "posedge clk", ("logic", 1.0)))))
    return tmp_path


def test_what_each_gives_in_their_order(routed: Path) -> None:
    def route(seed: int) -> Path:
        if seed % 2:
            raise SynthesisError(f"nextpnr-ecp5 must take seed {seed}")
        return routed

    placed, failed = with_each((4, 3, 2, 5), route)
    assert [(each.timing.seed, each.folder) for each in placed] == [(4, routed), (2, routed)]
    assert [(each.seed, each.sentence) for each in failed] == [
        (3, "nextpnr-ecp5 must take seed 3"),
        (5, "nextpnr-ecp5 must take seed 5"),
    ]


@pytest.mark.parametrize(("seeds", "said"), [((3,), "no to 3"), ((3, 1, 2), "no to 3; seeds that fail too: 1, 2")])
def test_if_none_is_left_the_first_says_why(seeds: tuple[int, ...], said: str) -> None:
    def route(seed: int) -> Path:
        raise SynthesisError(f"no to {seed}")

    with pytest.raises(SynthesisError, match=f"^{re.escape(said)}$"):
        with_each(seeds, route)


def test_an_interrupt_is_no_failure_of_a_seed() -> None:
    def route(_: int) -> Path:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_each((1, 2), route)


def test_without_seeds_there_is_nothing() -> None:
    assert with_each((), lambda _: Path()) == ((), ())
