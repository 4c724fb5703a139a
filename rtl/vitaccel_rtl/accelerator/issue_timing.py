"""When every instruction of a program starts: to the cycle what fetch, queues, fronts and tokens take. Pure Python.

Cycles are counted from the one in which a run begins, cycle 0, which has phase 0; so a frame begins at every multiple
of 8. All instructions are issued in the order of the program as far as their queues and one front for each engine let
them. Instruction i, the k-th of its engine, of which ``depth`` fit its queue, goes through

    asked      ``a[i] = max(h + 1, a[i - 1] + 16, e[i - ahead] + 2)``
    there      ``f[i] = a[i] + read_latency(L)``, its first word
    routed     ``c[i] = max(max(f[i], e[i - 1] + 1) + 1, r[k - depth] + 17)``, its first word goes to the queue
    handed on  ``e[i] = c[i] + 15``, its last
    loading    ``r[k] = max(c[i] + STREAM_FIFO, s[k - 1] + 1)``, its first word goes to the front
    loaded     ``p[k] = r[k] + FRONT - 1``, it is complete
    started    ``s[k]``, the first multiple of 8 that is not before ``p[k]``, its engine's being ready, and
               ``DONE_TO_START`` cycles after the last completion that it waits for

where L is the latency of the memory behind the fetch port and ``h = read_latency(L) + 8`` the cycle in which the header
is known. What is indexed by less than the first instruction imposes nothing. A run ends ``RUN_END`` cycles after the
last completion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import ENGINES, HEADER_BYTES, INSTRUCTION_BYTES
from vitaccel_rtl.dma_cycles import read_latency

BEAT_BYTES = 8
"""Of the fetch port: the words in which instructions are fetched and queued."""

INSTRUCTION_WORDS = INSTRUCTION_BYTES // BEAT_BYTES

AHEAD = 8
"""Instructions that are asked for and not handed over at most, unless the machine was built otherwise."""

QUEUED = 8
"""Instructions that fit the queue of an engine, likewise."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """An instruction as its issue sees it.

    Parameters
    ----------
    engine
        One of :data:`vitaccel_rtl.accelerator.isa.ENGINES`.
    waits
        Instructions of each engine that must have completed, all of which come before it in the program.
    occupied
        Cycles from its start to where its engine could start another, 1 or more.
    latency
        Cycles from its start to its `done` pulse, 1 or more.
    """

    engine: str
    waits: tuple[int, ...] = (0,) * len(ENGINES)
    occupied: int
    latency: int


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Cycles of a run: of every start and every `done`, in the order of the program, and of all of it."""

    starts: tuple[int, ...]
    dones: tuple[int, ...]
    cycles: int


@dataclass(kw_only=True)
class Issue:
    """Starts of instructions, one after the other in the order of the program.

    Parameters
    ----------
    memory_latency
        Of the memory behind the fetch port, 1 or more.
    ahead, queued
        As the machine was built.
    words_per_cycle
        That this memory gives on the average; with less than 1, starts are an estimate.
    """

    memory_latency: int
    ahead: int = AHEAD
    queued: int = QUEUED
    words_per_cycle: float = 1.0
    completed: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in ENGINES}, init=False)
    _asked: int = field(default=0, init=False)
    _handed: list[int] = field(default_factory=list, init=False)
    _loading: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in ENGINES}, init=False)
    _started: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ENGINES, -1), init=False)

    @cached_property
    def first_word(self) -> int:
        """Cycles from asking the port for something to its first word."""
        sizes = {"beat_bytes": BEAT_BYTES, "word_bytes": BEAT_BYTES, "align_bytes": BEAT_BYTES}
        return read_latency(self.memory_latency, **sizes)

    @cached_property
    def fetched(self) -> int:
        """Cycles that the words of an instruction take to come."""
        return ceil(INSTRUCTION_WORDS / self.words_per_cycle)

    @property
    def header_known(self) -> int:
        """The cycle in which the header has been judged."""
        return self.first_word + ceil(HEADER_BYTES // BEAT_BYTES / self.words_per_cycle)

    def start(self, engine: str, waits: Sequence[int], ready_at: int = 0) -> int:
        """Return when the next instruction of the program starts.

        Parameters
        ----------
        engine
            Of the instruction.
        waits
            Completions of each engine that it waits for; they have been told to :meth:`done`.
        ready_at
            The cycle from which on its engine can start it.

        Raises
        ------
        ValueError
            If it waits for an instruction that comes later: the machine could hang.
        """
        loaded = self._loaded(engine)
        met = [self._completion(name, count) for name, count in zip(ENGINES, waits, strict=True) if count]
        earliest = max([loaded, ready_at, *(at + latency.DONE_TO_START for at in met)])
        self._started[engine] = -(-earliest // latency.SLOTS) * latency.SLOTS
        return self._started[engine]

    def done(self, engine: str, at: int) -> None:
        """Tell that the next instruction of an engine completes in cycle *at*."""
        self.completed[engine].append(at)

    def end(self) -> int:
        """Return the cycles of the run, all instructions of which have been told to be done."""
        return latency.RUN_END + max([self.header_known, *(at for ats in self.completed.values() for at in ats)])

    def _loaded(self, engine: str) -> int:
        handed, loading = self._handed, self._loading[engine]
        credit = handed[-self.ahead] + 2 if len(handed) >= self.ahead else 0
        self._asked = max(self.header_known + 1, self._asked + self.fetched if handed else 0, credit)
        there = self._asked + self.first_word
        known = max(there, handed[-1] + 1 if handed else 0)
        room = loading[-self.queued] + INSTRUCTION_WORDS + 1 if len(loading) >= self.queued else 0
        routed = max(known + 1, room)
        last = max(routed + INSTRUCTION_WORDS - 1, there + self.fetched)
        handed.append(last)
        loading.append(max(routed + latency.STREAM_FIFO, self._started[engine] + 1))
        return max(loading[-1] + latency.FRONT - 1, last + latency.STREAM_FIFO)

    def _completion(self, engine: str, count: int) -> int:
        if count > len(self.completed[engine]):
            there = len(self.completed[engine])
            raise ValueError(f"an instruction must wait for {there} completions of {engine} or less, not {count}")
        return self.completed[engine][count - 1]


def replay(program: Iterable[Issued], *, memory_latency: int, ahead: int = AHEAD, queued: int = QUEUED) -> Replayed:
    """Return when the instructions of a program start and complete, if each takes the cycles that it says."""
    issue = Issue(memory_latency=memory_latency, ahead=ahead, queued=queued)
    ready = dict.fromkeys(ENGINES, 0)
    starts, dones = [], []
    for one in program:
        start = issue.start(one.engine, one.waits, ready[one.engine])
        ready[one.engine] = start + one.occupied
        issue.done(one.engine, start + one.latency)
        starts.append(start)
        dones.append(start + one.latency)
    return Replayed(starts=tuple(starts), dones=tuple(dones), cycles=issue.end())
