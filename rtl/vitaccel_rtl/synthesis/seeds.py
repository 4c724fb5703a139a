"""Place-and-route of one netlist with several seeds of the placer: one that fails leaves the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitaccel_rtl.synthesis.nextpnr import Timing, timing_of
from vitaccel_rtl.synthesis.tools import SynthesisError

LAST = (1 << 31) - 1
"""The largest seed, of 31 bits: nextpnr refuses one that is too large for it, of 65, but only after the synthesis."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A place-and-route.

    Parameters
    ----------
    folder
        Of :func:`vitaccel_rtl.synthesis.nextpnr.route`.
    timing
        Its frequency and slowest path.
    """

    folder: Path
    timing: Timing


@dataclass(frozen=True, kw_only=True)
class FailedSeed:
    """A seed of the placer that gave nothing.

    Parameters
    ----------
    seed
        Of the placer.
    sentence
        Why, with the place of the log.
    """

    seed: int
    sentence: str


def with_each(seeds: Sequence[int], route: Callable[[int], Path]) -> tuple[tuple[Placed, ...], tuple[FailedSeed, ...]]:
    """Return the place-and-routes of some seeds, and the seeds that gave none, both in the order of the seeds.

    Parameters
    ----------
    seeds
        Of the placer.
    route
        Places and routes with a seed, and returns the folder of that.

    Raises
    ------
    SynthesisError
        If there are seeds, and all of them fail: what the first one says.
    """
    placed: list[Placed] = []
    failed: list[FailedSeed] = []
    for seed in seeds:
        try:
            folder = route(seed)
            placed.append(Placed(folder=folder, timing=timing_of(folder, seed)))
        except SynthesisError as error:
            failed.append(FailedSeed(seed=seed, sentence=str(error)))
    if failed and not placed:
        others = ", ".join(str(each.seed) for each in failed[1:])
        raise SynthesisError(f"{failed[0].sentence}{f'; seeds that fail too: {others}' if others else ''}")
    return tuple(placed), tuple(failed)
