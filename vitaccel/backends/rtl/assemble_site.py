"""The instruction that is being assembled, and what the fields of several kinds of instructions have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from vitaccel.arch import Arch
from vitaccel.errors import UnsupportedError
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.tensor import activation_words, turns
from vitaccel_rtl.accelerator.parts import Parts, Turns
from vitaccel_rtl.latency import SLOTS


@dataclass(frozen=True)
class Site:
    """An instruction and its machine.

    Parameters
    ----------
    where
        The instruction, as errors call it.
    arch
        The machine.
    """

    where: str
    arch: Arch

    @property
    def side(self) -> int:
        """P."""
        return self.arch.array.side

    @property
    def parts(self) -> int:
        """Of the buffers of words: one an array."""
        return self.arch.array.count

    @property
    def turns(self) -> Turns:
        """In which part which tiles are."""
        return turns(self.arch)

    def place(self, address: int, first: int) -> tuple[int, int]:
        """Return where a run of channels begins in the activation buffer: its address with its part, and its frame.

        Parameters
        ----------
        address
            Of the first channel in its part.
        first
            Which channel of a row-block it is; the first one of all is in part 0.

        Raises
        ------
        UnsupportedError
            If there are several arrays, and channels of a frame would stand in two parts.
        """
        if self.parts == 1:
            return address, 0
        self.need(first % SLOTS == 0, f"must write from a multiple of {SLOTS} channels on, not from {first}")
        parts = Parts(count=self.parts, words=activation_words(self.arch))
        return parts.place(self.turns.part_of_channel(first), address), first % self.turns.words // SLOTS

    def need(self, condition: bool, what: str) -> None:
        """Refuse the instruction unless a condition holds; *what* says it.

        Raises
        ------
        UnsupportedError
            If it does not hold.
        """
        if not condition:
            raise UnsupportedError(f"{self.where} {what}")

    def last_rows(self, tokens: int, row_blocks: int) -> int:
        """Return the tokens of the last of some row-blocks of one frame.

        Raises
        ------
        UnsupportedError
            If they are of several frames: channel-lane, the tokens of a frame follow those of the one before.
        """
        rows = tokens - (row_blocks - 1) * self.side
        self.need(0 < rows <= self.side, f"must have {row_blocks} row-blocks of one frame, not {tokens} tokens in them")
        return rows


def split(count: int, side: int) -> tuple[int, int]:
    """Return how many groups of P some things are, and how many are in the last."""
    groups = ceil_div(count, side)
    return groups, count - (groups - 1) * side


def residues(first: int, *moves: tuple[int, int]) -> frozenset[int]:
    """Return where runs begin, modulo 8: at *first* and after every combination of *moves*, a step and how many."""
    return _residues(first % SLOTS, tuple((step % SLOTS, min(count, SLOTS)) for step, count in moves))


@lru_cache(maxsize=1 << 12)
def _residues(first: int, moves: tuple[tuple[int, int], ...]) -> frozenset[int]:
    ways = (range(count) for _, count in moves)
    return frozenset(
        (first + sum(step * times for (step, _), times in zip(moves, way, strict=True))) % SLOTS
        for way in product(*ways)
    )


@lru_cache(maxsize=1 << 12)
def spread(before: frozenset[int], after: frozenset[int]) -> int:
    """Return by how many cycles, at most, a run waits longer for its bank than the one that follows it.

    Parameters
    ----------
    before, after
        Where they begin, modulo 8; both are of one client of the buffer, whichever it is.
    """
    return max(((first - second) % SLOTS for first, second in product(before, after)), default=0)


def plane(step: int, element_bytes: int) -> int:
    """Return the words from low bytes to high bytes, from the step to the next row-block or tile: 0 for int8."""
    return step // 2 if element_bytes == 2 else 0
