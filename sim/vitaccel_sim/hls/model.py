"""The C++ of a network's accelerator as an object: its memory, its buffers, and its program run step by step."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitaccel.backends.rtl.memory_map import ENGINES, MappedTensor, MemoryMap

STUCK = 0xFFFF_FFFF

_SIGNATURES = {
    "vitaccel_new": (ctypes.c_void_p, [ctypes.c_uint64]),
    "vitaccel_delete": (None, [ctypes.c_void_p]),
    "vitaccel_memory": (ctypes.c_void_p, [ctypes.c_void_p]),
    "vitaccel_activation": (ctypes.c_void_p, [ctypes.c_void_p]),
    "vitaccel_start": (ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_uint64]),
    "vitaccel_step": (ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint32)]),
    "vitaccel_run": (ctypes.c_uint32, [ctypes.c_void_p]),
}
"""Of ``model.cpp``."""


class HlsError(Exception):
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
        return self.words(int(words.max()) + 1)[words].reshape(-1)

    def run(self) -> None:
        """Run the program to its end.

        Raises
        ------
        HlsError
            If it is refused or does not end.
        """
        self._start()
        self._check(self._library.vitaccel_run(self._model))

    def tensors(self, wanted: Sequence[MappedTensor]) -> Iterator[tuple[MappedTensor, npt.NDArray[np.uint8]]]:
        """Run the program, and yield each tensor with its bytes as soon as it is whole.

        Raises
        ------
        HlsError
            If the program is refused or does not end.
        """
        self._start()
        waiting, counts = list(wanted), (ctypes.c_uint32 * len(ENGINES))()
        while (found := self._library.vitaccel_step(self._model, counts)) > 0:
            for tensor in [each for each in waiting if _is_whole(each, counts)]:
                waiting.remove(tensor)
                yield tensor, self.read(tensor)
        self._check(0 if found == 0 else STUCK)
        for tensor in waiting:
            yield tensor, self.read(tensor)

    def _start(self) -> None:
        self._check(self._library.vitaccel_start(self._model, self._map.program))

    def _check(self, error: int) -> None:
        if error == STUCK:
            raise HlsError("the program must end, and waits for an instruction that never completes")
        if error:
            raise HlsError(f"the program must be one for this machine: error {error}")

    def _view(self, function: str, size: int) -> npt.NDArray[np.uint8]:
        address = getattr(self._library, function)(self._model)
        return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_uint8)), (size,))


def _is_whole(tensor: MappedTensor, counts: Mapping[int, int] | Sequence[int]) -> bool:
    return all(counts[place] >= need for place, need in enumerate(tensor.completed))
