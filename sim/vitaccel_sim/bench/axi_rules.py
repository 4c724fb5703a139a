"""The rules of AXI4 that a master must keep, as assertions on what a bench samples in each cycle."""

from __future__ import annotations

from dataclasses import dataclass

PAGE_BYTES = 4096


class RuleError(AssertionError):
    """A master broke a rule of AXI."""


@dataclass
class Watch:
    """A channel that the master drives: what it offers stays as it is until it is accepted.

    Parameters
    ----------
    name
        For messages: ``AR``, ``AW`` or ``W``.
    """

    name: str
    held: tuple[int, ...] | None = None

    def see(self, valid: int, ready: bool, payload: tuple[int, ...]) -> bool:
        """Return whether a word was accepted in this cycle.

        Raises
        ------
        RuleError
            If *valid* fell or the payload changed before it was.
        """
        if self.held is not None and not valid:
            raise RuleError(f"{self.name}: valid fell before the word was accepted")
        if self.held is not None and payload != self.held:
            raise RuleError(f"{self.name}: the payload changed before the word was accepted")
        self.held = payload if valid and not ready else None
        return bool(valid and ready)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a master was built for, and so must keep.

    Parameters
    ----------
    beat_bytes
        Width of the bus.
    longest_burst
        Beats of a burst at most.
    outstanding
        Bursts in flight at most.
    """

    beat_bytes: int
    longest_burst: int
    outstanding: int

    def check_burst(self, channel: str, address: int, beats: int, size: int, kind: int) -> None:
        """Raise a RuleError unless a burst is of whole beats, incrementing, not too long, and within 4 KiB."""
        if (1 << size, kind) != (self.beat_bytes, 1):
            raise RuleError(
                f"{channel}: a burst must be INCR and of {self.beat_bytes} bytes, not {kind} and {1 << size}"
            )
        if address % self.beat_bytes:
            raise RuleError(f"{channel}: a burst must begin with a whole beat, not at {address:#x}")
        if beats > self.longest_burst:
            raise RuleError(f"{channel}: a burst must have at most {self.longest_burst} beats, not {beats}")
        if address // PAGE_BYTES != (address + beats * self.beat_bytes - 1) // PAGE_BYTES:
            raise RuleError(f"{channel}: {beats} beats at {address:#x} cross 4 KiB")

    def check_in_flight(self, channel: str, bursts: int) -> None:
        """Raise a RuleError if more bursts are in flight than may be."""
        if bursts > self.outstanding:
            raise RuleError(f"{channel}: at most {self.outstanding} bursts may be in flight, not {bursts}")
