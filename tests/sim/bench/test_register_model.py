"""What software sees of registers, said in examples."""

from __future__ import annotations

import random

from vitaccel_rtl.axi_lite import OKAY, SLVERR
from vitaccel_rtl.register_map import Register
from vitaccel_sim.bench.register_model import RegisterModel, random_write, strobed

REGISTERS = (
    Register(name="program", address=0x0, reset=0x11223344),
    Register(name="status", address=0x4, access="read-only", bits=8),
    Register(name="interrupts", address=0x8, access="write-1-to-clear", bits=4, reset=0xF),
    Register(name="control", address=0xC, access="write-pulse", bits=2),
)


def test_each_kind_of_register() -> None:
    model = RegisterModel(REGISTERS, {"status": 0x5A})
    assert model.write(0x0, 0xAABBCCDD, 0b0110) == OKAY
    assert model.read(0x3) == (0x11BBCC44, OKAY)
    assert (model.write(0x4, 0xFF, 0xF), model.read(0x4)) == (SLVERR, (0x5A, OKAY))
    assert (model.write(0x8, 0x5, 0xF), model.read(0x8)) == (OKAY, (0xA, OKAY))
    assert (model.write(0xC, 0x3, 0xF), model.read(0xC)) == (OKAY, (0, OKAY))
    assert (model.write(0x10, 0x1, 0xF), model.read(0x10)) == (SLVERR, (0, SLVERR))


def test_strobes_choose_bytes() -> None:
    assert [strobed(strobes) for strobes in (0b0000, 0b0001, 0b1010, 0b1111)] == [0, 0xFF, 0xFF00FF00, 0xFFFFFFFF]


def test_random_writes_reach_every_register_and_none(seed: int) -> None:
    rng = random.Random(seed)
    reached = {random_write(rng, REGISTERS, address_bits=6)[0] // 4 for _ in range(2000)}
    assert {0, 1, 2, 3} < reached <= set(range(17))
