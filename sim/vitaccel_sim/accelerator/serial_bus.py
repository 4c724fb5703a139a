"""An accelerator on a board, at the other end of a serial line: a bus for the driver.

It runs on the standard library alone. What it says on the line is described in ``vitaccel_rtl.board.host_link``.
"""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from pathlib import Path
from typing import Protocol

ANSWER = b"A"
SPEEDS = {name: value for name, value in vars(termios).items() if name.startswith("B") and name[1:].isdigit()}
"""What this system calls the speeds that it has."""

WAIT_S = 1.0
"""How long an answer may take."""


class Line(Protocol):
    """A line of bytes."""

    def write(self, content: bytes) -> None:
        """Send bytes."""

    def read(self, count: int) -> bytes:
        """Return so many bytes; fewer if they did not come in time."""

    def send_break(self) -> None:
        """Hold the line low for longer than a byte."""


class SerialPort:
    """A serial port of this computer.

    Parameters
    ----------
    path
        ``/dev/ttyUSB0``, for one.
    speed
        Bits a second; the port must have it.

    Raises
    ------
    ValueError
        If this system has no such speed.
    """

    def __init__(self, path: str | Path, speed: int) -> None:
        if f"B{speed}" not in SPEEDS:
            known = ", ".join(sorted((name[1:] for name in SPEEDS), key=int))
            raise ValueError(f"speed of a serial port must be one of {known}, not {speed}")
        self._file = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._file)
        settings = termios.tcgetattr(self._file)
        settings[2] |= termios.CLOCAL
        settings[4] = settings[5] = SPEEDS[f"B{speed}"]
        termios.tcsetattr(self._file, termios.TCSAFLUSH, settings)

    def close(self) -> None:
        """Let go of the port."""
        os.close(self._file)

    def write(self, content: bytes) -> None:
        """Send bytes."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def read(self, count: int) -> bytes:
        """Return so many bytes; fewer if none came for a second."""
        came = b""
        while len(came) < count and select.select([self._file], [], [], WAIT_S)[0]:
            came += os.read(self._file, count - len(came))
        return came

    def send_break(self) -> None:
        """Hold the line low for a quarter of a second."""
        termios.tcsendbreak(self._file, 0)


class SerialBus:
    """Registers and memory at the other end of a line.

    Parameters
    ----------
    line
        A :class:`SerialPort`, or a line of a simulation.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        line.send_break()

    def read32(self, address: int) -> int:
        """Return the register at a byte address."""
        return int.from_bytes(self._ask(b"R", address, 0, 4), "little")

    def write32(self, address: int, value: int) -> None:
        """Write the register at a byte address."""
        self._acknowledged(self._ask(b"W", address, value, 1))

    def read_memory(self, address: int, count: int) -> bytes:
        """Return bytes of the accelerator's memory."""
        return self._ask(b"F", address, count, count) if count else b""

    def write_memory(self, address: int, content: bytes) -> None:
        """Write bytes of the accelerator's memory."""
        if content:
            self._acknowledged(self._ask(b"L", address, len(content), 1, content))

    def wait(self, limit: float) -> bool:
        """Wait for an interrupt for *limit* seconds, of a simulation too, and return whether it came."""
        end = time.monotonic() + limit
        while True:
            if self._ask(b"I", 0, 0, 1) != b"\0":
                return True
            if time.monotonic() > end:
                return False

    def _ask(self, kind: bytes, address: int, value: int, count: int, content: bytes = b"") -> bytes:
        self._line.write(kind + address.to_bytes(4, "little") + value.to_bytes(4, "little") + content)
        answer = self._line.read(count)
        if len(answer) < count:
            raise TimeoutError(f"a board must answer request {kind.decode()} with {count} bytes, not {len(answer)}")
        return answer

    @staticmethod
    def _acknowledged(answer: bytes) -> None:
        if answer != ANSWER:
            raise ConnectionError(f"a board must answer {ANSWER!r} to what has been written, not {answer!r}")
