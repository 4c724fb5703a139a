"""One side of one stream in cocotb: a source that offers words, a sink that takes them and watches the rules."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

Acts = Callable[[bool], bool]
"""Of a started :class:`vitaccel_sim.bench.profiles.Profile`: whether to act, told whether the other side was active."""


def read(port: Any, cycle: int) -> int:
    """Return the value of an output.

    Raises
    ------
    AssertionError
        If a bit of it is X.
    """
    value = port.value
    if not value.is_resolvable:
        raise AssertionError(f"cycle {cycle}: {port._name} must have no X, not {value}")
    return int(value)


class Source:
    """Offers words at an input stream, and each until it is accepted.

    Parameters
    ----------
    dut, name
        The top module, and the stream's name in it.
    words
        Payloads; more may be appended to ``words`` on the way.
    acts
        When a word is offered.

    Attributes
    ----------
    accepted : list of int
        Cycles in which words were accepted.
    """

    def __init__(self, dut: Any, name: str, words: Iterable[int], acts: Acts) -> None:
        self._payload, self._valid, self._ready = (getattr(dut, f"{name}__{part}") for part in PARTS)
        self._acts = acts
        self._is_offering = self._was_ready = False
        self.words = deque(words)
        self.accepted: list[int] = []

    def drive(self) -> None:
        """Set the inputs of a cycle."""
        acts = self._acts(self._was_ready)
        if not self._is_offering and acts and self.words:
            self._is_offering = True
            self._payload.value = self.words[0]
        self._valid.value = int(self._is_offering)

    def sample(self, cycle: int) -> bool:
        """Return whether a word is accepted in this cycle."""
        self._was_ready = bool(read(self._ready, cycle))
        if not (self._is_offering and self._was_ready):
            return False
        self.words.popleft()
        self.accepted.append(cycle)
        self._is_offering = False
        return True

    def rest(self) -> None:
        """Offer nothing."""
        self._valid.value = 0


class Sink:
    """Takes words of an output stream.

    Parameters
    ----------
    dut, name
        The top module, and the stream's name in it.
    acts
        When a word is taken.

    Attributes
    ----------
    name : str
        Of the stream.
    is_taking : bool
        Whether a word of this cycle is taken.
    offered : list of int
        Cycles in which words were first offered.
    """

    def __init__(self, dut: Any, name: str, acts: Acts) -> None:
        self._payload, self._valid, self._ready = (getattr(dut, f"{name}__{part}") for part in PARTS)
        self.name = name
        self._acts = acts
        self.is_taking = self._was_valid = False
        self._waiting: int | None = None
        self.offered: list[int] = []

    def drive(self) -> None:
        """Set the input of a cycle."""
        self.is_taking = self._acts(self._was_valid)
        self._ready.value = int(self.is_taking)

    def sample(self, cycle: int) -> int | None:
        """Return the word that is accepted in this cycle, if one is.

        Raises
        ------
        AssertionError
            If a word that waits changes or goes, or has a bit that is X.
        """
        self._was_valid = bool(read(self._valid, cycle))
        word = read(self._payload, cycle) if self._was_valid else None
        if self._waiting is not None and word != self._waiting:
            what = "valid fell" if word is None else "the payload changed"
            raise AssertionError(f"cycle {cycle}: {what} at {self.name} before the word was accepted")
        if word is not None and self._waiting is None:
            self.offered.append(cycle)
        self._waiting = None if self.is_taking else word
        return word if self.is_taking else None

    def rest(self) -> None:
        """Take nothing."""
        self._ready.value = 0


PARTS = ("payload", "valid", "ready")
