"""The DMA engines of :mod:`vitaccel_rtl.dma_timing` where words are not taken at once, or not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.accelerator.progressions import Progressions
from vitaccel_rtl.accelerator.stalled_stages import StalledStages
from vitaccel_rtl.accelerator.timed import Timed
from vitaccel_rtl.dma_timing import Job, ReadEngine, WriteEngine, word_beats

PLACES = 2
"""Of a skid buffer."""


@dataclass(kw_only=True)
class Packer(Timed):
    """Words become beats as in :class:`vitaccel_rtl.words_to_beats.WordsToBeats`.

    Parameters
    ----------
    beat_bytes, word_bytes, align_bytes
        Of :func:`vitaccel_rtl.dma_latency.words_to_beats`.
    """

    beat_bytes: int
    word_bytes: int
    align_bytes: int
    _entered: int = field(default=-1, init=False)
    _window: int = field(default=-1, init=False)
    _left: int = field(default=-1, init=False)
    _sent: list[int] = field(default_factory=list, init=False)

    times = ("_entered", "_window", "_left")
    parts = ("_stages",)

    def __post_init__(self) -> None:
        sizes = {"beat_bytes": self.beat_bytes, "word_bytes": self.word_bytes, "align_bytes": self.align_bytes}
        self._stages = StalledStages(stages=dma_latency.words_to_beats(**sizes) - latency.SKID_BUFFER - 1)

    @property
    def histories(self) -> dict[str, int]:
        return {"_sent": PLACES}

    def word(self, offered: int) -> tuple[int, int]:
        """Return when a word is taken that is offered from such a cycle on, and when it joins those before it."""
        self._entered = self._stages.enters(max(offered, self._entered + 1))
        arrives = self._stages.arrives(self._entered)
        joins = max(arrives, self._window)
        self._stages.hold(arrives, joins)
        self._window = joins + 1
        return self._entered, joins

    def beat(self, joined: int) -> int:
        """Return when the next beat is offered that a word completes which joined in such a cycle."""
        place_free = self._sent[-PLACES] + 1 if len(self._sent) >= PLACES else 0
        self._window = self._left = max(joined + 1, self._left + 1, place_free)
        offered = self._left + latency.SKID_BUFFER
        return max(offered, self._sent[-1] + 1) if self._sent else offered

    def send(self, cycle: int) -> None:
        """Note when that beat was taken."""
        self._sent.append(cycle)

    def leaves(self, taken: int) -> int:
        """Return when the beat is offered that a word completes, taken in such a cycle, if nothing waits."""
        return taken + self._stages.stages + 1 + latency.SKID_BUFFER

    def flows(self, first: int, completing: int) -> bool:
        """Whether nothing before them keeps words waiting that are offered in rising cycles.

        Parameters
        ----------
        first, completing
            When the first word is offered, and the first that completes a beat, as each of them does at most.
        """
        if self._entered >= first or any(end > first for _, end in self._stages._holds):
            return False
        begins = completing + self._stages.stages
        if self._window > first + self._stages.stages or self._left > begins:
            return False
        if any(sent > begins for sent in self._sent[-PLACES:-1]):
            return False
        return not self._sent or self._sent[-1] < self.leaves(completing)

    def flow(self, last: int, completing: Iterable[int]) -> None:
        """Take words to which :meth:`flows` applies, and let their beats go at once.

        Parameters
        ----------
        last, completing
            When the last word is offered, which completes a beat, and the last ones that do.
        """
        self._entered = last
        self._window = self._left = last + self._stages.stages + 1
        self._sent = [*self._sent, *map(self.leaves, completing)]
        self._stages._holds = []


@dataclass(kw_only=True)
class StalledReader(ReadEngine, Timed):
    """The read engine where words are not taken as soon as they are offered."""

    _words: Iterator[int] = field(default=iter(()), init=False)
    _taken: list[int] = field(default_factory=list, init=False)

    times = ("_issued", "_moved")
    parts = ("_stages", "_left")

    def __post_init__(self) -> None:
        self._left: Progressions = Progressions(self.buffer_beats)
        stages = dma_latency.beats_to_words(**self._sizes) - latency.SKID_BUFFER
        self._stages = StalledStages(stages=stages)

    @property
    def histories(self) -> dict[str, int]:
        return {"_ended": self.outstanding, "_fetched": dma_latency.BEAT_BUFFER, "_taken": PLACES}

    def begin(self, job: Job, at: int) -> None:
        """Begin a job whose descriptor is offered in cycle *at*, or before it, behind others."""
        self.beats_at.clear()
        self._words = self._arrive(job, at)

    def offer(self) -> int:
        """Return when the next word of the job is offered."""
        offered = next(self._words) + latency.SKID_BUFFER
        return max(offered, self._taken[-1] + 1) if self._taken else offered

    def take(self, cycle: int) -> None:
        """Note when that word was taken."""
        self._taken.append(cycle)

    def _arrive(self, job: Job, at: int) -> Iterator[int]:
        """Return when each word leaves the stages for the places behind them."""
        beats = self._beats(job, at)
        plan = at + latency.STREAM_FIFO + dma_latency.WORD_PLAN
        for needed, _ in word_beats(job, beat_bytes=self.beat_bytes, word_bytes=self.word_bytes):
            for _ in range(needed):
                self._moved = self._stages.enters(max(plan, self._moved + 1, next(beats)))
                self._fetched.append(self._moved)
            if not needed:
                self._moved = self._stages.enters(self._moved + 1)
            arrives = self._stages.arrives(self._moved)
            leaves = max(arrives, self._taken[-PLACES] + 1) if len(self._taken) >= PLACES else arrives
            self._stages.hold(arrives, leaves)
            yield leaves


@dataclass(kw_only=True)
class StalledWriter(WriteEngine, Timed):
    """The write engine where words are not there before they are taken."""

    _bursts_left: Iterator[int] = field(default=iter(()), init=False)
    _words: Iterator[tuple[int, int]] = field(default=iter(()), init=False)
    _at: int = field(default=0, init=False)
    _left: int = field(default=0, init=False)
    _known: int = field(default=0, init=False)

    times = ("_issued",)
    parts = ("_packer",)

    def __post_init__(self) -> None:
        self._packer = Packer(**self._sizes)

    @property
    def histories(self) -> dict[str, int]:
        return {"_ended": self.outstanding}

    def begin(self, job: Job, at: int) -> None:
        """Begin a job whose descriptor is offered in cycle *at*, or before it, behind others."""
        self.beats_at.clear()
        self._at = at
        self._bursts_left = self._bursts(job)
        self._words = word_beats(job, beat_bytes=self.beat_bytes, word_bytes=self.word_bytes)

    def word(self, offered: int) -> int:
        """Return when the next word of the job is taken, if it is offered from such a cycle on."""
        _, beats = next(self._words)
        plan = self._at + latency.STREAM_FIFO + dma_latency.WORD_PLAN
        taken, joined = self._packer.word(max(offered, plan))
        for _ in range(beats):
            if not self._left:
                self._left = next(self._bursts_left)
                self._known = self._issue(self._at + dma_latency.BURST_CUTTER) + latency.STREAM_FIFO
            sent = max(self._packer.beat(joined), self._known)
            self._packer.send(sent)
            self.beats_at.append(sent + latency.SKID_BUFFER)
            self._left -= 1
            if not self._left:
                self._answer(self.beats_at[-1])
        return taken

    def end(self) -> int:
        """Return when the status of the job is offered, of which all words were taken."""
        return self._ended[-1] + latency.SKID_BUFFER
