"""The bus over a real serial device: a pseudo-terminal, with something that answers at its other end."""

from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator

import pytest

from vitaccel_sim.accelerator.serial_bus import ANSWER, SerialBus, SerialPort

MEMORY_BYTES = 256


class Board:
    """Answers requests at one end of a terminal; the other is :attr:`path`."""

    def __init__(self) -> None:
        self._end, other = pty.openpty()
        self.path = os.ttyname(other)
        self.other = other
        self.registers: dict[int, int] = {}
        self.memory = bytearray(MEMORY_BYTES)
        threading.Thread(target=self._serve, daemon=True).start()

    def _take(self, count: int) -> bytes:
        came = b""
        while len(came) < count:
            came += os.read(self._end, count - len(came))
        return came

    def _serve(self) -> None:
        try:
            while True:
                request = self._take(9)
                address, value = (int.from_bytes(request[at : at + 4], "little") for at in (1, 5))
                os.write(self._end, self._answer(request[:1], address, value))
        except OSError:
            return

    def _answer(self, kind: bytes, address: int, value: int) -> bytes:
        if kind == b"R":
            return self.registers.get(address, 0).to_bytes(4, "little")
        if kind == b"W":
            self.registers[address] = value
            return ANSWER
        if kind == b"L":
            self.memory[address : address + value] = self._take(value)
            return ANSWER
        if kind == b"F":
            return bytes(self.memory[address : address + value])
        return bytes([self.registers.get(0, 0) & 1])


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    os.close(made.other)


def test_registers_memory_and_interrupt(board: Board) -> None:
    port = SerialPort(board.path, 115200)
    bus = SerialBus(port)
    bus.write32(8, 0x1234_5678)
    assert bus.read32(8) == 0x1234_5678
    content = bytes(range(256))[:MEMORY_BYTES]
    bus.write_memory(0, content)
    assert bus.read_memory(3, 100) == content[3:103]
    assert not bus.wait(0.01)
    bus.write32(0, 1)
    assert bus.wait(1.0)
    port.close()


def test_a_speed_that_there_is_not_is_refused(board: Board) -> None:
    with pytest.raises(ValueError, match=r"^speed of a serial port must be one of 0, 50, .*, not 115201$"):
        SerialPort(board.path, 115201)
