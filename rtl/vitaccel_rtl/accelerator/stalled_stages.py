"""Stages that move together or not at all: when a word is through them, where words before it hold them up."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel_rtl.accelerator.timed import State, Timed


@dataclass(kw_only=True)
class StalledStages(Timed):
    """The stages of :class:`vitaccel_rtl.stream.Stages` in time: all stand still while a word waits at their end.

    Words enter in order; what a word does at the end is told before the next one enters.

    Parameters
    ----------
    stages
        How many there are.
    """

    stages: int
    _holds: list[tuple[int, int]] = field(default_factory=list, init=False)

    def enters(self, cycle: int) -> int:
        """Return the first cycle from *cycle* on in which the stages move; no word enters before it any more."""
        holds = self._holds
        while holds and holds[0][1] <= cycle:
            holds.pop(0)
        if holds and holds[0][0] <= cycle:
            return holds.pop(0)[1]
        return cycle

    def arrives(self, entered: int) -> int:
        """Return when a word is at the end that entered in such a cycle."""
        arrives = entered + self.stages
        for begin, end in self._holds:
            if begin < arrives:
                arrives += end - begin
        return arrives

    def hold(self, arrived: int, leaves: int) -> None:
        """Let the word that arrived stand at the end until it leaves."""
        if leaves > arrived:
            self._holds.append((arrived, leaves))

    def since(self, cycle: int) -> State:
        return tuple((max(0, begin - cycle), end - cycle) for begin, end in self._holds if end > cycle)

    def resume(self, state: State, cycle: int) -> None:
        self._holds = [(cycle + begin, cycle + end) for begin, end in state]
