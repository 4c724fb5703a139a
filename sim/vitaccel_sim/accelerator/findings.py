"""What a verification found: cycles of each image, the first number of it that is wrong, and all that as JSON types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitaccel.backends.rtl.memory_map import MappedTensor


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """The first wrong number of a tensor.

    Parameters
    ----------
    tensor, layer, instruction
        Which one, and what writes it.
    frame, token, channel
        Where in it.
    expected, found
        The interpreter's number, and the hardware's.
    count
        Wrong numbers of the tensor in all.
    """

    tensor: str
    layer: str
    instruction: int
    frame: int
    token: int
    channel: int
    expected: int
    found: int
    count: int

    def __str__(self) -> str:
        where = f"token {self.token}, channel {self.channel}" + (f" of frame {self.frame}" if self.frame else "")
        return (
            f"instruction {self.instruction} ({self.layer}): {self.tensor} must be {self.expected} at {where}, "
            f"not {self.found} ({self.count} numbers are wrong)"
        )


def first_mismatch(entry: MappedTensor, expected: np.ndarray, found: np.ndarray) -> Mismatch | None:
    """Return the first number of a tensor ``[frames, tokens, channels]`` that is not as expected, ``None`` if all are.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if expected.shape != found.shape:
        raise ValueError(f"{entry.name} must have the shape {found.shape}, not {expected.shape}")
    wrong = np.argwhere(expected != found)
    if not len(wrong):
        return None
    at = tuple(int(place) for place in wrong[0])
    return Mismatch(
        tensor=entry.name,
        layer=entry.layer,
        instruction=entry.instruction,
        frame=at[0],
        token=at[1],
        channel=at[2],
        expected=int(expected[at]),
        found=int(found[at]),
        count=len(wrong),
    )


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What a run on one image was like.

    Parameters
    ----------
    cycles
        By the machine's own counter; 0 of a run that failed.
    cycles_predicted
        ``None`` if nothing was predicted.
    mismatch
        The wrong number that stands first in the order of the program.
    failure
        How the run failed, in words; "" if it ended as it must.
    outputs
        Integers of the outputs; empty of a run that failed.
    waveform
        Of the cycles around the mismatch.
    """

    cycles: int
    cycles_predicted: int | None = None
    mismatch: Mismatch | None = None
    failure: str = ""
    outputs: dict[str, np.ndarray]
    waveform: Path | None = None

    @property
    def is_equal(self) -> bool:
        """Whether every number is as expected."""
        return self.mismatch is None and not self.failure

    def record(self) -> dict[str, Any]:
        """Return the facts as JSON types."""
        return {
            "equal": self.is_equal,
            "cycles_predicted": self.cycles_predicted,
            "cycles_measured": self.cycles,
            "mismatch": vars(self.mismatch) if self.mismatch else None,
            "failure": self.failure or None,
            "waveform": str(self.waveform) if self.waveform else None,
        }


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found of all images.

    Parameters
    ----------
    results
        Of each.
    tensors
        How many were compared of each image, outputs included.
    macs, pes
        Useful MACs of a run, and multipliers.
    simulated_cycles, seconds
        All that was simulated, and the wall time that it took.
    memory_is_fixed
        Whether the memory was the one that cycles are predicted for.
    top1
        Accuracy of the hardware; ``None`` without labels.
    """

    results: Sequence[ImageResult]
    tensors: int
    macs: int
    pes: int
    simulated_cycles: int
    seconds: float
    memory_is_fixed: bool
    top1: float | None = None

    @property
    def is_equal(self) -> bool:
        """Whether every number of every image is as expected."""
        return all(result.is_equal for result in self.results)

    @property
    def cycles_are_equal(self) -> bool | None:
        """Whether every run took the cycles that were predicted; ``None`` where none were, or memory is not fixed."""
        if not self.memory_is_fixed or any(result.cycles_predicted is None for result in self.results):
            return None
        return all(result.cycles == result.cycles_predicted for result in self.results)

    @property
    def cycles_difference(self) -> float | None:
        """By what share of the prediction all runs took longer; ``None`` where none was made, or a run failed."""
        measured = [result.cycles for result in self.results]
        predicted = [result.cycles_predicted or 0 for result in self.results]
        return sum(measured) / sum(predicted) - 1 if all(measured) and all(predicted) and measured else None

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong: numbers, and cycles where they are compared."""
        return self.is_equal and self.cycles_are_equal is not False

    def record(self) -> dict[str, Any]:
        """Return the facts as JSON types; cycles are sums over the images."""
        measured = sum(result.cycles for result in self.results)
        predicted = [result.cycles_predicted for result in self.results]
        return {
            "equal": self.is_equal,
            "images": len(self.results),
            "tensors": self.tensors,
            "top1": self.top1,
            "cycles_predicted": None if None in predicted else sum(filter(None, predicted)),
            "cycles_measured": measured,
            "cycles_equal": self.cycles_are_equal,
            "cycles_difference": self.cycles_difference,
            "utilization": self.macs * len(self.results) / (measured * self.pes) if measured else None,
            "simulated_cycles_per_s": self.simulated_cycles / self.seconds if self.seconds else None,
            "results": [result.record() for result in self.results],
        }
