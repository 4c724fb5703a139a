"""An accelerator in the address space of a computer, as Linux shows it: a bus for the driver.

It runs on the standard library alone. Registers are mapped from a UIO device, whose file also tells of interrupts; the
accelerator's memory is mapped from a file that shows it as it is, without a cache (``/dev/mem``, or a buffer that a
kernel module reserves).
"""

from __future__ import annotations

import mmap
import os
import select
from pathlib import Path
from types import TracebackType

WORD_BYTES = 4


class MappedBus:
    """Registers and memory by mapped files.

    Parameters
    ----------
    registers
        ``/dev/uio0``, or another file whose first page is the registers.
    memory
        File with the accelerator's memory.
    memory_offset
        Where in the file it begins; a multiple of the size of a page.
    memory_base
        Address at which the accelerator sees its first byte.
    memory_bytes
        How many there are.
    register_bytes
        How many bytes of registers to map.
    """

    def __init__(
        self,
        registers: str | Path,
        memory: str | Path,
        *,
        memory_offset: int,
        memory_base: int,
        memory_bytes: int,
        register_bytes: int = mmap.PAGESIZE,
    ) -> None:
        self._device = os.open(registers, os.O_RDWR | os.O_SYNC)
        self._registers = mmap.mmap(self._device, register_bytes)
        self._words = memoryview(self._registers).cast("I")
        file = os.open(memory, os.O_RDWR | os.O_SYNC)
        try:
            self._memory = mmap.mmap(file, memory_bytes, offset=memory_offset)
        finally:
            os.close(file)
        self._base, self._bytes = memory_base, memory_bytes

    def __enter__(self) -> MappedBus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of registers and memory."""
        self._words.release()
        self._registers.close()
        self._memory.close()
        os.close(self._device)

    def read32(self, address: int) -> int:
        """Return a register, in one access of 32 bits."""
        return self._words[address // WORD_BYTES]

    def write32(self, address: int, value: int) -> None:
        """Write a register, in one access of 32 bits."""
        self._words[address // WORD_BYTES] = value

    def read_memory(self, address: int, count: int) -> bytes:
        """Return bytes of the memory.

        Raises
        ------
        ValueError
            If they are not in it.
        """
        first = self._place(address, count)
        return self._memory[first : first + count]

    def write_memory(self, address: int, content: bytes) -> None:
        """Put bytes into the memory; raises as :meth:`read_memory`."""
        first = self._place(address, len(content))
        self._memory[first : first + len(content)] = content

    def wait(self, limit: float) -> bool:
        """Wait *limit* seconds at most for an interrupt, and return whether it came.

        A UIO device masks its interrupt when it tells of it, so it is unmasked first, by writing 1.
        """
        os.write(self._device, (1).to_bytes(WORD_BYTES, "little"))
        ready, _, _ = select.select([self._device], [], [], limit)
        if ready:
            os.read(self._device, WORD_BYTES)
        return bool(ready)

    def _place(self, address: int, count: int) -> int:
        first = address - self._base
        if first < 0 or first + count > self._bytes:
            raise ValueError(f"{count} bytes at {address:#x} must lie in the {self._bytes} bytes from {self._base:#x}")
        return first
