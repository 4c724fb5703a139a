"""Parts of a machine: what they compute, and what they refuse word for word."""

from __future__ import annotations

import math
from typing import Any

import pytest

from vitaccel.arch import Buffers, Energy, Limits, Memory, Numerics, PeArrays, Routing
from vitaccel.errors import ArchError

REFUSED: list[tuple[type[Any], dict[str, Any], str]] = [
    (PeArrays, {"side": 3}, "array.side must be 4 to 32, not 3; use more arrays for more PEs (3x32x32)"),
    (PeArrays, {"side": 33}, "array.side must be 4 to 32, not 33; use more arrays for more PEs (3x32x32)"),
    (PeArrays, {"count": 0}, "array.count must be 1 to 64, not 0"),
    (PeArrays, {"count": 65}, "array.count must be 1 to 64, not 65"),
    (PeArrays, {"macs_per_multiplier": 3}, "array.macs_per_multiplier must be 1 or 2, not 3"),
    (Memory, {"bus_bits": 48}, "memory.bus_bits must be 32, 64, 128, 256 or 512, not 48"),
    (Memory, {"ports": 0}, "memory.ports must be 1 to 32, not 0"),
    (Memory, {"burst_beats": 257}, "memory.burst_beats must be 1 to 256, not 257"),
    (Memory, {"outstanding": 0}, "memory.outstanding must be 1 to 256, not 0"),
    (Memory, {"latency_cycles": -1}, "memory.latency_cycles must be 0 to 100000, not -1"),
    (
        Memory,
        {"peak_bytes_per_s": math.inf},
        "memory.peak_bytes_per_s must be 0 (the ports are the limit) or 1e6 to 1e15, not inf",
    ),
    (
        Memory,
        {"peak_bytes_per_s": 1e-300},
        "memory.peak_bytes_per_s must be 0 (the ports are the limit) or 1e6 to 1e15, not 1e-300",
    ),
    (Memory, {"efficiency": 0.0}, "memory.efficiency must be 0.01 to 1, not 0.0"),
    (Memory, {"efficiency": math.nan}, "memory.efficiency must be 0.01 to 1, not nan"),
    (Buffers, {"activation_bytes": 1023}, "buffers.activation_bytes must be 1024 to 1073741824, not 1023"),
    (Buffers, {"weight_bytes": 2**31}, "buffers.weight_bytes must be 1024 to 1073741824, not 2147483648"),
    (Buffers, {"logit_bytes": 0}, "buffers.logit_bytes must be 1024 to 1073741824, not 0"),
    (Numerics, {"weight_bits": 6}, "numerics.weight_bits must be 4 or 8, not 6"),
    (Numerics, {"numerator_bits": 10}, "numerics.numerator_bits must be 8, 12 or 16, not 10"),
    (Numerics, {"logit_fraction_bits": 7}, "numerics.logit_fraction_bits must be 6 or 8, not 7"),
    (Routing, {"order": "random"}, "moe.order must be static or longest, not 'random'"),
    (Limits, {"multipliers": -1}, "limits.multipliers must not be negative, not -1"),
    (Limits, {"memory_bits": -1}, "limits.memory_bits must not be negative, not -1"),
    (Energy, {"mac_pj": -0.1}, "energy.mac_pj must be 0 to 1e9, not -0.1"),
    (Energy, {"static_w": math.nan}, "energy.static_w must be 0 to 1e9, not nan"),
    (Energy, {"dram_pj_per_byte": math.inf}, "energy.dram_pj_per_byte must be 0 to 1e9, not inf"),
    (Energy, {"source": "two\nlines"}, "energy.source must be one printable line, not 'two\\nlines'"),
]


@pytest.mark.parametrize(("part", "values", "message"), REFUSED)
def test_what_no_machine_can_be_is_refused_in_these_words(
    part: type[Any], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArchError) as refused:
        part(**values)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("array", "pes", "multipliers", "text"),
    [
        (PeArrays(side=8), 64, 64, "8x8"),
        (PeArrays(side=8, macs_per_multiplier=2), 64, 32, "8x8"),
        (PeArrays(side=5, macs_per_multiplier=2), 25, 13, "5x5"),
        (PeArrays(side=32, count=3, macs_per_multiplier=2), 3072, 1536, "3x32x32"),
    ],
)
def test_an_array_counts_its_pes_and_multipliers(array: PeArrays, pes: int, multipliers: int, text: str) -> None:
    assert (array.pes, array.multipliers, str(array)) == (pes, multipliers, text)


def test_a_beat_and_a_burst_span_all_ports() -> None:
    memory = Memory(bus_bits=128, ports=4, burst_beats=16)
    assert (memory.beat_bytes, memory.burst_bytes) == (64, 1024)


def test_buffers_add_up() -> None:
    sizes = {"activation_bytes": 2048, "weight_bytes": 4096, "logit_bytes": 1024, "parameter_bytes": 1536}
    assert Buffers(**sizes).total_bytes == 8704


@pytest.mark.parametrize(("bits", "passes"), [(8, 1), (12, 2), (16, 2)])
def test_numerators_above_8_bits_take_two_passes(bits: int, passes: int) -> None:
    assert Numerics(numerator_bits=bits).numerator_passes == passes
