"""Times of an engine whose instructions follow each other: what is the same in the same state is computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.timed import State, Timed
from vitaccel_rtl.accelerator.transfer import Times, Transfer

REMEMBERED = 1 << 13
"""Jobs in states that are kept at most."""

FOREVER = 1 << 62
"""A cycle at which everything is over."""


class Kept(NamedTuple):
    """A state since the acceptance of an instruction.

    Parameters
    ----------
    state, number
        It, and what tells it from others.
    over
        Cycles from which on all in it is over.
    done
        When the instruction is completed.
    """

    state: State
    number: int
    over: int
    done: int


def _latest(state: State) -> int:
    """Return the latest time of a state."""
    return max([_latest(each) if isinstance(each, tuple) else each for each in state], default=0)


@dataclass(kw_only=True)
class RememberingEngine(Timed):
    """Accepts instructions at the beginnings of frames, while less than *jobs* are under way.

    Parameters
    ----------
    side
        P.
    jobs
        Of the engine.
    dma
        The parameters of its :mod:`vitaccel_rtl.dma_timing` engine but ``word_bytes``.
    remembers
        Whether a job in a state in which it was before is not computed again.
    by_bursts
        Whether a job is computed burst by burst, and not word by word, where no word waits for another.
    """

    side: int
    jobs: int = 8
    dma: dict[str, int]
    remembers: bool = True
    by_bursts: bool = True
    _done: int = field(default=0, init=False)
    _accepted: int = field(default=-latency.SLOTS, init=False)
    _under_way: list[int] = field(default_factory=list, init=False)
    _states: dict[State, Kept] = field(default_factory=dict, init=False)
    _number: int = field(default=0, init=False)
    _idle: Kept | None = field(default=None, init=False)
    _now: Kept | None = field(default=None, init=False)
    _known: dict[tuple[int, int, tuple[int, ...]], Kept] = field(default_factory=dict, init=False)

    times = ("_done",)

    @property
    def ready(self) -> int:
        """The cycle from which on the next instruction may be accepted, in the first one of phase 0."""
        free = self._under_way[-self.jobs] + 1 if len(self._under_way) >= self.jobs else 0
        return max(free, self._accepted + latency.SLOTS)

    def times_of(self, transfer: Transfer, offered: int) -> Times:
        """Return the times of the next instruction, which is offered from such a cycle on."""
        accepted = -(-max(offered, self.ready) // latency.SLOTS) * latency.SLOTS
        if self._idle is None:
            self._idle = self._kept(self.since(FOREVER))
        before, passed = self._now or self._idle, accepted - self._accepted
        if passed >= before.over:
            before, passed = self._idle, 0
        key = (before.number, passed, transfer.alike)
        after = self._known.get(key) if self.remembers else None
        if after is None:
            after = self._known[key] = self._after(transfer, accepted, before, passed)
        self._now, self._accepted = after, accepted
        done = accepted + after.done
        self._under_way = [*self._under_way[1 - self.jobs :], done]
        return Times(accepted, done)

    def _after(self, transfer: Transfer, accepted: int, before: Kept, passed: int) -> Kept:
        """Return the state behind an instruction, accepted some cycles after the state before it was one."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
            self._states.clear()
        self.resume(before.state, accepted - passed)
        if passed:
            found = self._kept(self.since(accepted))
            key = (found.number, 0, transfer.alike)
            if self.remembers and key in self._known:
                return self._known[key]
            self.resume(found.state, accepted)
            after = self._known[key] = self._behind(transfer, accepted)
            return after
        return self._behind(transfer, accepted)

    def _behind(self, transfer: Transfer, accepted: int) -> Kept:
        self._run(transfer, accepted)
        return self._kept(self.since(accepted))

    def _kept(self, state: State) -> Kept:
        """Return a state, the same one for all that are equal."""
        kept = self._states.get(state)
        if kept is None:
            self._number += 1
            kept = self._states[state] = Kept(state, self._number, _latest(state) + latency.SLOTS, state[0])
        return kept

    def _run(self, transfer: Transfer, accepted: int) -> None:
        """Do what follows from an instruction; ``_done`` is its completion after that."""
        raise NotImplementedError
