"""When a source offers words and a sink takes them: profiles that every bench runs, source against sink."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass

Decisions = Generator[bool, bool, None]
"""Yields whether to act in this cycle; is sent whether the other side was active in the cycle before."""


@dataclass(frozen=True)
class Profile:
    """A way to act.

    Parameters
    ----------
    name
        For reports and commands.
    decide
        Makes the decisions from a source of random numbers.
    """

    name: str
    decide: Callable[[random.Random], Decisions]

    def start(self, rng: random.Random) -> Callable[[bool], bool]:
        """Return ``acts(other_was_active)``, to be asked once a cycle."""
        decisions = self.decide(rng)
        started = False

        def acts(other_was_active: bool) -> bool:
            nonlocal started
            if started:
                return decisions.send(other_was_active)
            started = True
            return next(decisions)

        return acts

    def __str__(self) -> str:
        return self.name


def _always(_: random.Random) -> Decisions:
    while True:
        yield True


def _every_other(_: random.Random) -> Decisions:
    for turn in itertools.count():
        yield turn % 2 == 1


def _random(rng: random.Random) -> Decisions:
    while True:
        yield rng.random() < 0.5


def _rare(rng: random.Random) -> Decisions:
    while True:
        yield rng.random() < 0.1


def _bursts(rng: random.Random) -> Decisions:
    while True:
        for acts in (True, False):
            for _ in range(rng.randint(1, 24)):
                yield acts


def _adversarial(rng: random.Random) -> Decisions:
    """Act just after the other side was not active, and hesitate while it is, for a random number of cycles."""
    while True:
        other_is_active = yield True
        hesitation = rng.randint(1, 3) if other_is_active else 0
        for _ in range(hesitation):
            yield False


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("always", _always),
        Profile("every-other", _every_other),
        Profile("random", _random),
        Profile("rare", _rare),
        Profile("bursts", _bursts),
        Profile("adversarial", _adversarial),
    )
}
"""By name. ``always`` is a source that is never idle, or a sink that never stalls."""
