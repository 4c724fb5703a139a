"""When buffers take words from a DMA, and when they have them for one."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import SET_BYTES
from vitaccel_rtl.accelerator.stalled_dma import PLACES, Packer
from vitaccel_rtl.accelerator.timed import Timed

LINE_PLACES = 2 * latency.SLOTS
"""Words that :class:`vitaccel_rtl.accelerator.line_reader.LineReader` asked for and that are not taken, at most."""

TABLE_BYTES = 256
"""Of a table of int8, which makes 8 entries of a set; one of int16 has 512 and makes 4."""


@dataclass(kw_only=True)
class WriteTurns(Timed):
    """Words for banks, as :class:`vitaccel_rtl.accelerator.line_writer.LineWriter` takes them behind a skid buffer.

    Parameters
    ----------
    client
        Of the activation buffer's writers.
    """

    client: int
    _free: list[int] = field(default_factory=lambda: [0] * latency.SLOTS, init=False)
    _accepted: list[int] = field(default_factory=list, init=False)

    lists = ("_free",)

    @property
    def histories(self) -> dict[str, int]:
        return {"_accepted": PLACES}

    def word(self, address: int, offered: int) -> int:
        """Return when a word is taken, by the skid buffer, that is offered from such a cycle on."""
        taken = max(offered, self._accepted[-PLACES] + 1) if len(self._accepted) >= PLACES else offered
        bank = address % latency.SLOTS
        accepted = max(taken + latency.SKID_BUFFER, self._free[bank])
        if self._accepted:
            accepted = max(accepted, self._accepted[-1] + 1)
        self._accepted.append(accepted)
        self._free[bank] = accepted + 1 + (bank - self.client - 2 - accepted) % latency.SLOTS
        return taken

    def take_all(self, begin: int, end: int, first: list[int], last: list[int]) -> bool:
        """Take the words of a job, for banks that take turns, unless one would wait; return whether that was done.

        Parameters
        ----------
        begin, end
            Addresses of the first and of the last word.
        first, last
            When the first and the last words are offered: those of a frame, or all.
        """
        banks = (self._free[(begin + place) % latency.SLOTS] for place in range(len(first)))
        if any(free > cycle + latency.SKID_BUFFER for free, cycle in zip(banks, first, strict=True)):
            return False
        if self._accepted and self._accepted[-1] >= first[0] + latency.SKID_BUFFER:
            return False
        self._accepted = [*self._accepted, *(cycle + latency.SKID_BUFFER for cycle in last)]
        for place, accepted in enumerate(reversed(self._accepted[-len(last) :])):
            bank = (end - place) % latency.SLOTS
            self._free[bank] = accepted + 1 + (bank - self.client - 2 - accepted) % latency.SLOTS
        return True

    def end(self) -> int:
        """Return when the job is finished, of which all words were taken."""
        return self._accepted[-1] + latency.LINE_WRITER


@dataclass(kw_only=True)
class ReadTurns(Timed):
    """Words of runs, as :class:`vitaccel_rtl.accelerator.line_reader.LineReader` offers them.

    Parameters
    ----------
    client
        Of the activation buffer's readers.
    """

    client: int
    _accepted: int = field(default=-1, init=False)
    _asked: int = field(default=-1, init=False)
    _taken: list[int] = field(default_factory=list, init=False)

    times = ("_accepted", "_asked")

    @property
    def histories(self) -> dict[str, int]:
        return {"_taken": LINE_PLACES}

    def begin(self, offered: int) -> None:
        """Accept a run that is offered from such a cycle on, and after the one before."""
        self._accepted = max(offered, self._accepted + 1, self._asked)

    def offer(self, address: int) -> int:
        """Return when the next word of the run is offered."""
        free = self._taken[-LINE_PLACES] + 1 if len(self._taken) >= LINE_PLACES else 0
        earliest = max(self._accepted + 1, self._asked + 1, free)
        self._asked = earliest + (address - self.client - earliest) % latency.SLOTS
        offered = self._asked + latency.LINE_READER - 1
        return max(offered, self._taken[-1] + 1) if self._taken else offered

    def take(self, cycle: int) -> None:
        """Note when that word was taken."""
        self._taken.append(cycle)


@dataclass(kw_only=True)
class SetTurns(Timed):
    """Words become sets or entries of tables as in :class:`vitaccel_rtl.accelerator.set_loader.SetLoader`.

    Parameters
    ----------
    side
        P.
    """

    side: int
    _begins: int = field(default=0, init=False)
    _next: int = field(default=0, init=False)
    _every: int = field(default=1, init=False)
    _is_table: bool = field(default=False, init=False)
    _bytes: int = field(default=0, init=False)
    _at: int = field(default=0, init=False)

    times = ("_begins",)
    parts = ("_packer",)

    def __post_init__(self) -> None:
        self._packer = Packer(beat_bytes=SET_BYTES, word_bytes=self.side, align_bytes=self.side)

    @property
    def are_single(self) -> bool:
        """Whether a word completes a set at most."""
        return self.side <= SET_BYTES

    def begin(self, row_bytes: int, *, is_table: bool) -> None:
        """Begin a job."""
        self._bytes, self._at = row_bytes, 0
        self._is_table = is_table
        self._every = SET_BYTES * TABLE_BYTES // row_bytes if is_table else 1
        self._next = self._begins

    def word(self, offered: int) -> int:
        """Return when the next word of the job is taken that is offered from such a cycle on."""
        taken, joined = self._packer.word(offered)
        for _ in range(self._completed()):
            leaves = max(self._packer.beat(joined), self._next)
            self._packer.send(leaves)
            self._next = leaves + self._every
        return taken

    def _completed(self) -> int:
        """Return how many sets the next word completes, the last of the job what there is."""
        at, self._at = self._at, min(self._at + self.side, self._bytes)
        closes = self._at == self._bytes and self._at % SET_BYTES
        return self._at // SET_BYTES - at // SET_BYTES + bool(closes)

    def take_all(self, words: int, first: list[int], last: list[int]) -> bool:
        """Take the words that are left of a job of sets, unless one would wait; return whether that was done.

        Parameters
        ----------
        words
            How many there are.
        first, last
            When the first and the last words are offered: those of a frame, or all.
        """
        begins = [cycle for place, cycle in enumerate(first) if self._completes(place, words)]
        if not self._packer.flows(first[0], begins[0]) or self._next > self._packer.leaves(begins[0]):
            return False
        ends = [cycle for place, cycle in enumerate(last, words - len(last)) if self._completes(place, words)]
        self._packer.flow(last[-1], ends)
        self._next = self._packer.leaves(ends[-1]) + 1
        return True

    def _completes(self, place: int, words: int) -> bool:
        """Whether the word at a place among those that are left completes a set."""
        at = self._at + place * self.side
        return place == words - 1 or (at + self.side) // SET_BYTES > at // SET_BYTES

    def end(self) -> int:
        """Return when the job is finished, of which all words were taken."""
        finishes = self._next if self._is_table else self._next - 1
        self._begins = finishes + 2
        return finishes
