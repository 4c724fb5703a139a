"""A board's system at a simulated line: registers, memory and interrupt through the driver's bus."""

from __future__ import annotations

import json
import random

import pytest

from tests.sim.board.stub import IDENTITY, Stub
from vitaccel_rtl.accelerator.control_map import machine_registers
from vitaccel_rtl.board.ulx3s import system_verilog
from vitaccel_rtl.register_map import to_json
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.accelerator.driver import Accelerator
from vitaccel_sim.accelerator.serial_bus import SerialBus
from vitaccel_sim.board.serial_line import SimulatedLine, build_board
from vitaccel_sim.model import Model

BIT = 5
BYTES = 2048


@pytest.fixture(scope="module")
def model() -> Model:
    stub = to_verilog(Stub(), name="vitaccel")
    return build_board(system_verilog(stub, memory_bytes=BYTES, cycles_per_bit=BIT), optimize="-O1")


@pytest.fixture
def line(model: Model) -> SimulatedLine:
    return SimulatedLine(model, cycles_per_bit=BIT)


@pytest.fixture
def accelerator(line: SimulatedLine) -> Accelerator:
    return Accelerator(SerialBus(line), json.loads(to_json(machine_registers()))["registers"])


def test_registers_are_read_and_written(accelerator: Accelerator) -> None:
    assert accelerator.read("identity") == IDENTITY
    accelerator.write("program", 0xDEAD_BEE0)
    assert accelerator.read("program") == 0xDEAD_BEE0


def test_memory_is_loaded_and_fetched(accelerator: Accelerator, seed: int) -> None:
    rng = random.Random(seed)
    content = rng.randbytes(BYTES)
    accelerator.load(0, content)
    for _ in range(5):
        first = rng.randrange(BYTES)
        count = rng.randint(1, min(100, BYTES - first))
        other = rng.randbytes(count)
        accelerator.load(first, other)
        content = content[:first] + other + content[first + count :]
    accelerator.load(7, b"")
    assert accelerator.fetch(0, BYTES) == content
    assert accelerator.fetch(100, 3) == content[100:103]
    assert accelerator.fetch(100, 0) == b""


def test_an_interrupt_is_waited_for(accelerator: Accelerator) -> None:
    assert not accelerator.bus.wait(0.01)
    accelerator.write("program", 1)
    assert accelerator.bus.wait(1.0)


def test_a_break_ends_whatever_was_sent_before(line: SimulatedLine) -> None:
    """Half a request, half of the bytes of a load, noise: the next request is understood."""
    for half in (b"", b"R\0\0", b"L" + bytes(4) + b"\xff\0\0\0" + b"abc", b"?!\xff"):
        line.write(half)
        bus = SerialBus(line)
        assert bus.read32(0) == IDENTITY
    assert bus.read_memory(0, 4)[:3] == b"abc"


def test_a_board_that_does_not_answer_is_one_sentence(line: SimulatedLine) -> None:
    bus = SerialBus(line)
    line.write(b"L" + bytes(4) + b"\xff\0\0\0")
    with pytest.raises(TimeoutError, match=r"^a board must answer request R with 4 bytes, not 0$"):
        bus.read32(0)
    with pytest.raises(ConnectionError, match=r"^a board must answer b'A' to what has been written, not b'x'$"):
        SerialBus(Echo()).write32(0, 0)


class Echo:
    """A line at whose other end something else is."""

    def write(self, content: bytes) -> None:
        pass

    def read(self, count: int) -> bytes:
        return b"x" * count

    def send_break(self) -> None:
        pass
