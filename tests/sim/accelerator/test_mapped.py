"""A bus of mapped files, with plain files as registers and memory."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitaccel_sim.accelerator import mapped
from vitaccel_sim.accelerator.mapped import MappedBus

BASE = 0x8000_0000
SIZE = 2 * mmap.PAGESIZE


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[MappedBus]:
    (tmp_path / "registers").write_bytes(bytes(range(256)) * (mmap.PAGESIZE // 256))
    (tmp_path / "memory").write_bytes(bytes(mmap.PAGESIZE + SIZE))
    with MappedBus(
        tmp_path / "registers",
        tmp_path / "memory",
        memory_offset=mmap.PAGESIZE,
        memory_base=BASE,
        memory_bytes=SIZE,
    ) as made:
        yield made


def test_registers_are_words_of_the_file(bus: MappedBus, tmp_path: Path) -> None:
    assert bus.read32(8) == int.from_bytes(bytes([8, 9, 10, 11]), sys.byteorder)
    bus.write32(8, 0x12345678)
    assert bus.read32(8) == 0x12345678
    assert (tmp_path / "registers").read_bytes()[8:12] == (0x12345678).to_bytes(4, sys.byteorder)


def test_memory_is_behind_the_offset(bus: MappedBus, tmp_path: Path) -> None:
    bus.write_memory(BASE + SIZE - 3, b"end")
    assert bus.read_memory(BASE + SIZE - 4, 4) == b"\0end"
    assert (tmp_path / "memory").read_bytes()[-3:] == b"end"
    for address, count in ((BASE - 1, 1), (BASE + SIZE, 1), (BASE, SIZE + 1)):
        with pytest.raises(
            ValueError, match=rf"^{count} bytes at {address:#x} must lie in the {SIZE} bytes from {BASE:#x}$"
        ):
            bus.read_memory(address, count)


def test_an_interrupt_is_what_the_device_tells(bus: MappedBus, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    unmasked: list[bytes] = []
    monkeypatch.setattr(bus, "_device", reading)
    monkeypatch.setattr(mapped.os, "write", lambda _, word: unmasked.append(word))
    try:
        assert not bus.wait(0.01)
        with os.fdopen(writing, "wb") as device:
            device.write((1).to_bytes(4, "little"))
        assert bus.wait(5)
        assert unmasked == [b"\1\0\0\0"] * 2
    finally:
        monkeypatch.undo()
        os.close(reading)


def test_it_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "mapped.py").write_text(Path(mapped.__file__).read_text())
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import mapped"]
    subprocess.run(command, check=True)
