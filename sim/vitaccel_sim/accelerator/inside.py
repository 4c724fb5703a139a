"""What of a running accelerator is looked at from outside: its activation buffer, and how far its engines are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vitaccel.backends.rtl.memory_map import ENGINES, MappedTensor
from vitaccel_rtl.latency import SLOTS
from vitaccel_sim.accelerator.system import System

SETTLE_CYCLES = 12
"""From the completion of an instruction to where its result is in the buffer, and no later one is in its place: the
instruction that waits for it begins its reads behind that."""

START_CYCLES = 16
"""From starting a program to where the counts of the last run are forgotten, and no instruction is completed yet."""

NEVER = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Inside:
    """Where things are in the hierarchy of instances: scope and name of each.

    Parameters
    ----------
    banks
        Memories of the activation buffer, part after part; with n for each, word a of a part is entry ``a // n`` of its
        bank ``a % n``.
    counters
        By engine, how many instructions it has completed.
    parts
        Of the activation buffer.
    """

    banks: tuple[tuple[str, str], ...]
    counters: Mapping[str, tuple[str, str]]
    parts: int = 1

    @property
    def visible(self) -> tuple[str, ...]:
        """Names that the build must make visible."""
        return tuple(dict.fromkeys(name for _, name in (*self.banks, *self.counters.values())))


def inside_of(arrays: int) -> Inside:
    """Return what is looked at of an accelerator with so many arrays."""
    parts = ["vitaccel.buffer"] if arrays == 1 else [f"vitaccel.buffer.part{part}" for part in range(arrays)]
    places = {engine: ("vitaccel.control.issue.tokens", f"counts__{place}") for place, engine in enumerate(ENGINES)}
    banks = tuple((part, f"bank_{bank}") for part in parts for bank in range(SLOTS))
    return Inside(banks=banks, counters=places, parts=arrays)


ACCELERATOR = inside_of(1)
"""Of an accelerator with one array."""


class Observer:
    """Runs a system, and takes tensors out as soon as they are there.

    Parameters
    ----------
    system
        Its model was built with ``inside.visible``.
    inside
        What of it is looked at.
    side
        Bytes of a word.
    """

    def __init__(self, system: System, inside: Inside, side: int) -> None:
        self._system, self._side, self._parts = system, side, inside.parts
        self._banks = [system.model.variable(scope, name) for scope, name in inside.banks]
        self._counters = {engine: system.model.variable(*place)[0] for engine, place in inside.counters.items()}

    def tensors(
        self, wanted: Sequence[MappedTensor], limit_cycles: int
    ) -> Iterator[tuple[MappedTensor, npt.NDArray[np.uint8]]]:
        """Run, and yield each tensor with its bytes when it is there; the run may end before all are.

        Raises
        ------
        TimeoutError
            If a tensor was not there within the limit.
        RuleError
            If the accelerator broke a rule of AXI.
        """
        waiting = list(wanted)
        end = self._system.cycle + limit_cycles
        while waiting:
            due = [tensor for tensor in waiting if self._is_there(tensor)]
            if not due:
                left = end - self._system.cycle
                if not self._system.watch(list(self._counters.values()), self._targets(waiting), left):
                    return
                continue
            self._system.step(SETTLE_CYCLES)
            for tensor in due:
                waiting.remove(tensor)
                yield tensor, self.read(tensor)

    def read(self, tensor: MappedTensor) -> npt.NDArray[np.uint8]:
        """Return the bytes of a tensor where it is now."""
        if tensor.runs is None:
            return np.frombuffer(self._system.read_memory(tensor.dram, tensor.dram_bytes), np.uint8)
        parts, words = tensor.words(self._side, self._parts)
        banks = len(self._banks) // self._parts
        found = np.empty((len(words), self._side), np.uint8)
        for place, bank in enumerate(self._banks):
            part, number = divmod(place, banks)
            here = (parts == part) & (words % banks == number)
            found[here] = bank[words[here] // banks, : self._side]
        return found.reshape(-1)

    def _completed(self) -> list[int]:
        zero = np.zeros(4, np.uint8)
        return [int(self._counters.get(engine, zero).view(np.uint32)[0]) for engine in ENGINES]

    def _is_there(self, tensor: MappedTensor) -> bool:
        return all(now >= need for now, need in zip(self._completed(), tensor.completed, strict=True))

    def _targets(self, waiting: Sequence[MappedTensor]) -> list[int]:
        """For each counter the least number that it has not reached and that a tensor waits for."""
        now = dict(zip(ENGINES, self._completed(), strict=True))
        needs = [dict(zip(ENGINES, tensor.completed, strict=True)) for tensor in waiting]
        return [
            min((need[engine] for need in needs if need[engine] > now[engine]), default=NEVER)
            for engine in self._counters
        ]
