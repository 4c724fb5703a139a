"""Registers: the bench is told their map, and draws accesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vitaccel_rtl.register_map import Register, to_json
from vitaccel_sim.benches.block_bench import BlockBench


def register_parameters(registers: Sequence[Register], *, address_bits: int) -> dict[str, Any]:
    """Return the parameters of the bench for a component of these registers, all kinds of which are there."""
    return {"map": to_json(registers), "address_bits": address_bits}


def _parameters(component: Any, options: Mapping[str, int], _seed: int) -> dict[str, Any]:
    return register_parameters(component.registers, address_bits=options["address_bits"])


REGISTERS = BlockBench(
    block="registers",
    module="vitaccel_sim.bench.registers",
    points=(
        {"parameters": 1, "counters": 2, "interrupts": 12, "address_bits": 6},
        {"parameters": 20, "counters": 3, "interrupts": 5, "address_bits": 8},
        {"parameters": 0, "counters": 1, "interrupts": 1, "address_bits": 7},
        {"parameters": 40, "counters": 0, "interrupts": 32, "address_bits": 12},
        {"parameters": 9, "counters": 64, "interrupts": 3, "address_bits": 32},
    ),
    parameters=_parameters,
    draws_words=True,
)
