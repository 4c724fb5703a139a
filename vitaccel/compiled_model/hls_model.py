"""The C++ of an accelerator as an object: its memory, its buffers, and a program run from state to state."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitaccel.backends.rtl.memory_map import ENGINES, MappedTensor, MemoryMap
from vitaccel.errors import VitaccelError
from vitaccel_rtl.accelerator.isa import MOST_CHOICES, MOST_TOKENS

NEVER = 0xFFFF_FFFF
"""More instructions than an engine completes."""

Counts = Sequence[int]
"""Instructions that each engine has completed, in the order of :data:`vitaccel.backends.rtl.memory_map.ENGINES`."""

_COUNTS = ctypes.POINTER(ctypes.c_uint32)

_SIGNATURES = {
    "vitaccel_new": (ctypes.c_void_p, [ctypes.c_uint64]),
    "vitaccel_delete": (None, [ctypes.c_void_p]),
    "vitaccel_memory": (ctypes.c_void_p, [ctypes.c_void_p]),
    "vitaccel_activation": (ctypes.c_void_p, [ctypes.c_void_p]),
    "vitaccel_start": (ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_uint64]),
    "vitaccel_run_to": (ctypes.c_int, [ctypes.c_void_p, _COUNTS, _COUNTS]),
    "vitaccel_experts": (None, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8)]),
}
"""Of ``model.cpp``."""


class HlsError(VitaccelError):
    """A program was refused, or waits for what never comes."""


class HlsModel:
    """A network on the C++ of its accelerator.

    Parameters
    ----------
    library
        ``model.cpp`` of a generated directory, compiled.
    memory
        Its memory map.
    program, weights
        Contents of ``program.bin`` and ``weights.bin``.
    """

    def __init__(self, library: Path, memory: MemoryMap, *, program: bytes, weights: bytes) -> None:
        self._library = ctypes.CDLL(str(library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._map = memory
        self._model = self._library.vitaccel_new(memory.memory_bytes)
        self._memory = self._view("vitaccel_memory", memory.memory_bytes)
        self.load(memory.weights, weights)
        self.load(memory.program, program)

    def __del__(self) -> None:
        if getattr(self, "_model", None):
            self._library.vitaccel_delete(self._model)

    def load(self, address: int, content: bytes) -> None:
        """Write to memory."""
        self._memory[address : address + len(content)] = np.frombuffer(content, np.uint8)

    def memory(self, address: int, size: int) -> npt.NDArray[np.uint8]:
        """Return bytes of memory."""
        return self._memory[address : address + size].copy()

    def words(self, count: int) -> npt.NDArray[np.uint8]:
        """Return a view of the first words of the activation buffer, ``[count, P]``."""
        return self._view("vitaccel_activation", count * self._map.side).reshape(-1, self._map.side)

    def read(self, tensor: MappedTensor) -> npt.NDArray[np.uint8]:
        """Return the bytes of a tensor where it is now, in the order that they have in memory."""
        if tensor.runs is None:
            return self.memory(tensor.dram, tensor.dram_bytes)
        starts = tensor.runs.address + tensor.runs.step_words * np.arange(tensor.runs.count)
        words = (starts[:, None] + np.arange(tensor.runs.words)).reshape(-1)
        found: npt.NDArray[np.uint8] = self.words(int(words.max()) + 1)[words]
        return found.reshape(-1)

    def experts(self) -> npt.NDArray[np.uint8]:
        """Return the experts that the last route chose, ``[tokens, choices]``, best first; behind them older ones."""
        found: npt.NDArray[np.uint8] = np.empty((MOST_TOKENS, MOST_CHOICES), np.uint8)
        self._library.vitaccel_experts(self._model, found.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        return found

    def run(self) -> None:
        """Run the program to its end.

        Raises
        ------
        HlsError
            If it is refused or does not end.
        """
        for _ in self.states([]):
            pass

    def tensors(self, wanted: Sequence[MappedTensor]) -> Iterator[tuple[MappedTensor, npt.NDArray[np.uint8]]]:
        """Run the program, and yield each tensor with its bytes as soon as it is whole.

        Raises
        ------
        HlsError
            If the program is refused or does not end.
        """
        for at in self.states([tensor.completed for tensor in wanted]):
            yield wanted[at], self.read(wanted[at])

    def states(self, wanted: Sequence[Counts]) -> Iterator[int]:
        """Run the program to its end, and yield the place of each of *wanted* as soon as so much has completed.

        Raises
        ------
        HlsError
            If the program is refused or does not end.
        """
        self._check(self._library.vitaccel_start(self._model, self._map.program))
        numbers = ctypes.c_uint32 * len(ENGINES)
        waiting, completed, found = dict(enumerate(wanted)), numbers(), 1
        while found > 0:
            now = list(completed)
            for at in [at for at, need in waiting.items() if _has_come(need, now)]:
                del waiting[at]
                yield at
            # The next count of each engine that something waits for.
            needs = list(zip(*waiting.values(), strict=True)) or [()] * len(ENGINES)
            later = (min((n for n in need if n > count), default=NEVER) for need, count in zip(needs, now, strict=True))
            found = self._library.vitaccel_run_to(self._model, numbers(*later), completed)
        if found < 0:
            raise HlsError("the program must end, and waits for an instruction that never completes")
        yield from waiting

    def _check(self, error: int) -> None:
        if error:
            raise HlsError(f"the program must be one for this machine: error {error}")

    def _view(self, function: str, size: int) -> npt.NDArray[np.uint8]:
        address = getattr(self._library, function)(self._model)
        return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_uint8)), (size,))


def _has_come(need: Counts, counts: Counts) -> bool:
    return all(now >= wanted for now, wanted in zip(counts, need, strict=True))
