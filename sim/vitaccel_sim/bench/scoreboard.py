"""What should come out, and what did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Scoreboard:
    """Compares words with the expected ones as they come.

    Parameters
    ----------
    expected
        All of them, in order.
    show
        Makes a word readable in a message.
    """

    expected: Sequence[int]
    show: Callable[[int], object] = hex
    got: list[int] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether as many words came as are expected."""
        return len(self.got) >= len(self.expected)

    def put(self, word: int) -> None:
        """Take the next word.

        Raises
        ------
        AssertionError
            If it is not the expected one, or one too many.
        """
        place = len(self.got)
        self.got.append(word)
        if place >= len(self.expected):
            raise AssertionError(f"{len(self.expected)} words are expected, but another one came: {self.show(word)}")
        if word != self.expected[place]:
            wanted = self.show(self.expected[place])
            raise AssertionError(f"word {place} of {len(self.expected)} must be {wanted}, not {self.show(word)}")
