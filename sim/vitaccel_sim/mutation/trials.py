"""What a mutation must get past: words, profiles, resets and the rules of a stream, as the cocotb benches have them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitaccel_rtl.latency import WORD_INTERVAL
from vitaccel_sim.bench.equality import RESET_AFTER_CYCLES
from vitaccel_sim.bench.part import cases_of
from vitaccel_sim.bench.payload import pack, payload_shape
from vitaccel_sim.bench.profiles import PROFILES
from vitaccel_sim.bench.stream import TAIL_CYCLES
from vitaccel_sim.model import AFTER_ACTIVITY, AFTER_SILENCE, Bytes, Model, StreamRun
from vitaccel_sim.traffic.case import Case, Traffic

FULL_AFTER_CYCLES = 65
"""After which many short rows have filled the queues of a block whose results are rarely taken."""

PATTERN_CYCLES = 499
"""Until a random pattern begins again; a prime, so that it meets a row anew each time."""

SOME_PAIRS = (("adversarial", "adversarial"), ("bursts", "random"), ("always", "patient"))
"""Idle and stall of extremes and long rows, beside full speed."""

SLACK_CYCLES = 64
"""After which, and twice the cycles of the right netlist, a run that is not over hangs."""

Pattern = Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A run of words.

    Parameters
    ----------
    name
        What is run and how.
    words, expected
        In and out.
    offer, take
        As :meth:`vitaccel_sim.model.Model.stream` takes them.
    cycles
        After which the run is cut off; 0 for one that goes to its end.
    first_row
        Of the words, at full speed; 0 where nothing is said about cycles.
    """

    name: str
    words: Bytes
    expected: tuple[int, ...]
    offer: Pattern
    take: Pattern
    cycles: int = 0
    first_row: int = 0

    @property
    def resets(self) -> bool:
        """Whether a reset follows."""
        return self.cycles > 0

    def run(self, model: Model, limit_cycles: int) -> StreamRun:
        """Return what a model makes of it in so many cycles."""
        return model.stream(
            self.words,
            len(self.expected),
            offer=self.offer,
            take=self.take,
            limit_cycles=self.cycles or limit_cycles,
            tail_cycles=TAIL_CYCLES,
        )


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a component says of its cycles: ``latency_cycles``, and whether it accepts a word every cycle."""

    latency_cycles: int
    is_pipelined: bool


def promise_of(component: Any) -> Promise:
    """Return what a component says."""
    return Promise(latency_cycles=component.latency_cycles, is_pipelined=component.interval_cycles == WORD_INTERVAL)


def fault(trial: Trial, run: StreamRun, promise: Promise) -> str:
    """Return what is wrong with a run, in a word or two; empty if nothing is."""
    count = len(run.words)
    if run.words != trial.expected[:count]:
        return "wrong word"
    if run.payloads_changed:
        return "payload changed"
    if run.valids_fell:
        return "valid fell"
    if run.words_too_many:
        return "word too many"
    if not trial.resets and (count < len(trial.expected) or len(run.accepted) < len(trial.words)):
        return "hangs"
    if trial.first_row and run.offered[0] - run.accepted[trial.first_row - 1] != promise.latency_cycles:
        return "latency"
    if trial.first_row and promise.is_pipelined and run.accepted[-1] - run.accepted[0] != len(run.accepted) - 1:
        return "throughput"
    if trial.first_row and promise.is_pipelined and count == len(run.accepted) and _has_gap(run, trial.first_row):
        return "throughput"
    return ""


def _has_gap(run: StreamRun, first_row: int) -> bool:
    """Whether the words of the first row, of a block that makes a word of each, come out with a gap between them."""
    return bool(run.offered[first_row - 1] - run.offered[0] != first_row - 1)


def level_fault(model: Model, run: StreamRun) -> str:
    """Return ``level`` if a component says how many words it holds, and that is wrong after a run."""
    if "level" not in model.ports:
        return ""
    return "" if model.read("level") == len(run.accepted) - len(run.taken) else "level"


def trials(
    traffic: Traffic,
    point: Mapping[str, int],
    component: Any,
    model: Model,
    *,
    seed: int,
    lengths: Sequence[int],
    alone: Sequence[int] = (),
) -> tuple[Trial, ...]:
    """Return all trials of a block at a point, those that find most first.

    Parameters
    ----------
    component
        At this point; it tells how words are packed.
    model
        Of the component.
    lengths
        Of rows beside those that benches have.
    alone
        Of rows that come alone; only beside *lengths*.
    """
    sent, received = (payload_shape(getattr(component, port).signature) for port in ("i", "o"))
    rng = random.Random(seed)

    def trial(name: str, case: Case, idle: str, stall: str, cycles: int = 0) -> Trial:
        full_speed = idle == stall == "always" and not cycles
        return Trial(
            name=f"{name}, idle {idle}, stall {stall}" + (f", reset after {cycles}" if cycles else ""),
            words=model.payloads([pack(sent, word) for word in case.words], "i__payload"),
            expected=tuple(pack(received, word) for word in case.expected),
            offer=pattern(idle, rng),
            take=pattern(stall, rng),
            cycles=cycles,
            first_row=case.first_row if full_speed else 0,
        )

    def listed() -> Iterator[Trial]:
        cases = cases_of(traffic, point, seed)
        short, extremes, long = (cases[name] for name in ("short", "extremes", "long"))
        yield trial("extremes", extremes, "always", "always")
        for idle, stall in SOME_PAIRS:
            yield trial("extremes", extremes, idle, stall)
        for cycles in RESET_AFTER_CYCLES:
            yield trial("long rows", long, "always", "rare", cycles)
            yield trial("short", short, "always", "always")
        yield trial("long rows", long, "always", "always")
        for idle, stall in SOME_PAIRS:
            yield trial("long rows", long, idle, stall)
        for idle, stall in itertools.product(PROFILES, (*PROFILES, "patient")):
            yield trial("short", short, idle, stall)
        if not lengths:
            return
        other = traffic.random(point, rng, lengths)
        full_before = bool(alone)
        for idle, stall in (
            ("always", "always"),
            *SOME_PAIRS,
            ("always", "rare"),
            *[("always", "always")] * full_before,
        ):
            yield trial("other rows", other, idle, stall)
        for cycles in (*RESET_AFTER_CYCLES, *[FULL_AFTER_CYCLES] * full_before):
            yield trial("other rows", other, "always", "rare", cycles)
            yield trial("short", short, "always", "always")
        for length in alone:
            yield trial(f"a row of {length}", traffic.random(point, rng, (length,)), "always", "always")

    return tuple(listed())


def pattern(profile: str, rng: random.Random) -> Pattern:
    """Return a profile of the benches as a pattern; ``patient`` takes a word only after it has been offered."""
    if profile == "patient":
        return [rng.choice((AFTER_ACTIVITY, AFTER_ACTIVITY, False)) for _ in range(PATTERN_CYCLES)]
    if profile == "adversarial":
        return [rng.choice((AFTER_SILENCE, AFTER_SILENCE, AFTER_SILENCE, True)) for _ in range(PATTERN_CYCLES)]
    if profile == "always":
        return [True]
    acts = PROFILES[profile].start(rng)
    return [acts(False) for _ in range(PATTERN_CYCLES)]
