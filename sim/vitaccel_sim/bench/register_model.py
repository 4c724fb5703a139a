"""What software sees of registers, and what they hold: a write or a read at a time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from vitaccel_rtl.axi_lite import OKAY, SLVERR
from vitaccel_rtl.register_map import WORD_BYTES, Register

Write = tuple[int, int, int]
"""Address, data, strobes."""


class RegisterModel:
    """Registers after a reset, and then what is done to them.

    Parameters
    ----------
    registers
        The map.
    held
        What the machine shows in its read-only registers, by name.
    """

    def __init__(self, registers: Sequence[Register], held: Mapping[str, int]) -> None:
        self.registers = {register.address // WORD_BYTES: register for register in registers}
        self.values = {register.name: register.reset for register in registers} | dict(held)

    def at(self, address: int) -> Register | None:
        """Return the register at an address, whatever its two lowest bits."""
        return self.registers.get(address // WORD_BYTES)

    def write(self, address: int, data: int, strobes: int) -> int:
        """Do a write and return its response."""
        register = self.at(address)
        if register is None or not register.is_writable:
            return SLVERR
        mask = strobed(strobes) & register.mask
        value = self.values[register.name]
        if register.access == "read-write":
            self.values[register.name] = value & ~mask | data & mask
        elif register.access == "write-1-to-clear":
            self.values[register.name] = value & ~(data & mask)
        return OKAY

    def read(self, address: int) -> tuple[int, int]:
        """Return data and response of a read."""
        register = self.at(address)
        return (0, SLVERR) if register is None else (self.values[register.name], OKAY)


def strobed(strobes: int) -> int:
    """Return the bits of the bytes that are written."""
    return sum(0xFF << 8 * byte for byte in range(WORD_BYTES) if strobes >> byte & 1)


def random_address(rng: random.Random, registers: Sequence[Register], *, address_bits: int) -> int:
    """Return the address of a register, sometimes any, sometimes not that of a whole word."""
    known = rng.choice(registers).address if rng.random() < 0.8 else rng.getrandbits(address_bits) & ~3
    return known + rng.choice((0, 0, 1, 2, 3))


def random_write(rng: random.Random, registers: Sequence[Register], *, address_bits: int) -> Write:
    """Return a write of any data with any strobes, extremes more often."""
    data = rng.choice((0, 0xFFFFFFFF, rng.getrandbits(32)))
    strobes = rng.choice((0xF, 0xF, 0x0, rng.getrandbits(4)))
    return random_address(rng, registers, address_bits=address_bits), data, strobes
