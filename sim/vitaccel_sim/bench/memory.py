"""A buffer behind request, response and write streams: it answers in order, after as many cycles as it likes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping


class Memory:
    """Words by address.

    Parameters
    ----------
    words
        Payloads of responses by address; others must not be asked for.
    rng
        Of the cycles that answers take.
    answer
        Cycles from a request to its answer; each time another number up to *most* when left out.
    most
        Cycles of the slowest answer.
    """

    def __init__(
        self, words: Mapping[int, int], rng: random.Random, *, answer: int | None = None, most: int = 24
    ) -> None:
        self.words = dict(words)
        self._rng, self._answer, self._most = rng, answer, most
        self._waiting: deque[tuple[int, int]] = deque()

    def ask(self, address: int, cycle: int) -> None:
        """Take a request: what is at the address now is the answer.

        Raises
        ------
        AssertionError
            If nothing is there.
        """
        if address not in self.words:
            raise AssertionError(f"cycle {cycle}: address {address} must not be read")
        delay = self._rng.randint(1, self._most) if self._answer is None else self._answer
        self._waiting.append((cycle + delay, self.words[address]))

    def write(self, address: int, word: int) -> None:
        """Take a write; requests of the next cycles see it."""
        self.words[address] = word

    def answers(self, cycle: int) -> list[int]:
        """Return the answers that are due, in order of their requests."""
        due = []
        while self._waiting and self._waiting[0][0] <= cycle:
            due.append(self._waiting.popleft()[1])
        return due
