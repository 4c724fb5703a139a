"""A serial line to the simulated system of a board: one for :class:`vitaccel_sim.accelerator.serial_bus.SerialBus`."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from vitaccel_rtl.board.serial import FRAME_BITS
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.model import Model
from vitaccel_sim.verilate import BUILD_FOLDER, build

SOURCE = Path(__file__).with_name("serial_host.cpp")

BREAK_BITS = 2 * FRAME_BITS
"""How long a break is."""

_COUNT, _PLACE = ctypes.c_int64, ctypes.c_void_p


def build_board(design: Verilog, *, optimize: str = "-O2", folder: Path = BUILD_FOLDER) -> Model:
    """Return the system of a board, the accelerator in its text too, as a model that :class:`SimulatedLine` takes."""
    return build(design, sources={SOURCE.name: SOURCE.read_text()}, optimize=optimize, folder=folder)


class SimulatedLine:
    """The host's end of the line; while it sends, waits or receives, the system runs.

    Parameters
    ----------
    model
        Of :func:`build_board`; its ports are those of :class:`vitaccel_rtl.board.system.BoardSystem`.
    cycles_per_bit
        Those of the system.

    Attributes
    ----------
    limit_cycles
        How long to wait for a byte that does not come.
    """

    def __init__(self, model: Model, *, cycles_per_bit: int) -> None:
        self._model = model
        self._bit = cycles_per_bit
        self.limit_cycles = 100 * FRAME_BITS * cycles_per_bit
        model.reset()
        to, from_ = (int(place) for place in model.places(("receive", "transmit")))
        new = model.function("serial_new", (_PLACE, ctypes.c_int, ctypes.c_int, _COUNT), _PLACE)
        self._host = new(model.handle, to, from_, cycles_per_bit)
        self._send = model.function("serial_send", (_PLACE, _PLACE, _COUNT), None)
        self._hold = model.function("serial_hold", (_PLACE, ctypes.c_bool, _COUNT), None)
        self._receive = model.function("serial_receive", (_PLACE, _PLACE, _COUNT, _COUNT), _COUNT)
        self.pause(1)

    def write(self, content: bytes) -> None:
        """Send bytes."""
        held = np.frombuffer(content, np.uint8)
        self._send(self._host, held.ctypes.data, len(content))

    def read(self, count: int) -> bytes:
        """Return so many bytes; fewer if they did not come in time."""
        came = np.zeros(count, np.uint8)
        got = self._receive(self._host, came.ctypes.data, count, self.limit_cycles + count * FRAME_BITS * self._bit)
        return came[: int(str(got))].tobytes()

    def send_break(self) -> None:
        """Hold the line low for longer than a byte, and high again."""
        self._hold(self._host, False, BREAK_BITS * self._bit)
        self.pause(2)

    def pause(self, bits: int) -> None:
        """Let the time of so many bits go by."""
        self._hold(self._host, True, bits * self._bit)
