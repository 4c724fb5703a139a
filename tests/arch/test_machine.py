"""A machine: bandwidth, settings, and the limits of its device."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.arch import Arch, Buffers, Limits, Memory, PeArrays, load_preset, preset_names
from vitaccel.errors import ArchError


def test_without_a_dram_peak_the_ports_are_the_limit() -> None:
    assert Arch(memory=Memory(bus_bits=64, ports=2)).dram_bytes_per_cycle == 16.0


def test_a_slower_dram_is_the_limit_and_the_clock_counts() -> None:
    arch = Arch(frequency_hz=200e6, memory=Memory(bus_bits=128, peak_bytes_per_s=2e9, efficiency=0.8))
    assert arch.dram_bytes_per_cycle == 8.0
    assert replace(arch, frequency_hz=100e6).dram_bytes_per_cycle == 16.0  # the port, and no more


@given(
    ports=st.integers(1, 31),
    bus_bits=st.sampled_from([32, 64, 128, 256]),
    peak=st.floats(1e6, 1e14),
    efficiency=st.floats(0.01, 0.5),
)
def test_more_memory_is_never_slower(ports: int, bus_bits: int, peak: float, efficiency: float) -> None:
    memory = Memory(bus_bits=bus_bits, ports=ports, peak_bytes_per_s=peak, efficiency=efficiency)
    now = Arch(memory=memory).dram_bytes_per_cycle
    assert now > 0
    for better in (
        replace(memory, ports=ports + 1),
        replace(memory, bus_bits=bus_bits * 2),
        replace(memory, peak_bytes_per_s=peak * 2),
        replace(memory, efficiency=efficiency * 2),
        replace(memory, peak_bytes_per_s=0.0),
    ):
        assert Arch(memory=better).dram_bytes_per_cycle >= now


def test_limits_are_told_in_these_words() -> None:
    arch = Arch(
        array=PeArrays(side=16),
        buffers=Buffers(activation_bytes=2048, weight_bytes=1024, logit_bytes=1024, parameter_bytes=1024),
        limits=Limits(multipliers=255, memory_bits=40959),
    )
    assert arch.exceeded_limits() == (
        "the 16x16 PE array needs 256 multipliers of the 255 there are",
        "the buffers need 40960 bits of block RAM of the 40959 there are",
    )
    assert replace(arch, limits=Limits(multipliers=256, memory_bits=40960)).exceeded_limits() == ()
    assert replace(arch, limits=Limits()).exceeded_limits() == ()


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_with_a_device_breaks_its_limits_when_it_outgrows_it(name: str) -> None:
    arch = load_preset(name)
    bigger = arch.with_pe("64x32x32").with_settings({"buffers.activation_bytes": str(2**30)})
    assert len(bigger.exceeded_limits()) == (2 if arch.limits.multipliers else 0)


def test_with_pe_keeps_everything_but_the_grid() -> None:
    arch = load_preset("zcu102")
    assert arch.with_pe("2x16x16") == replace(arch, array=replace(arch.array, side=16, count=2))


@pytest.mark.parametrize(
    ("key", "text", "part", "attribute", "value"),
    [
        ("frequency_hz", "3e8", None, "frequency_hz", 3e8),
        ("name", "mine", None, "name", "mine"),
        ("memory.bus_bits", "0x40", "memory", "bus_bits", 64),
        ("memory.efficiency", ".5", "memory", "efficiency", 0.5),
        ("moe.order", "longest", "moe", "order", "longest"),
    ],
)
def test_a_setting_changes_one_value(key: str, text: str, part: str | None, attribute: str, value: object) -> None:
    changed = Arch().with_settings({key: text})
    holder = getattr(changed, part) if part else changed
    assert getattr(holder, attribute) == value
    before = Arch()
    undone = replace(getattr(changed, part), **{attribute: getattr(getattr(before, part), attribute)}) if part else None
    assert replace(changed, **({part: undone} if part else {attribute: getattr(before, attribute)})) == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"frequency_hz": 0.0}, "frequency_hz must be 1e3 to 1e11, not 0.0"),
        ({"frequency_hz": float("inf")}, "frequency_hz must be 1e3 to 1e11, not inf"),
        ({"frequency_hz": float("nan")}, "frequency_hz must be 1e3 to 1e11, not nan"),
        ({"name": ""}, "name must be one printable line, not ''"),
        ({"description": "a\tb"}, "description must be one printable line, not 'a\\tb'"),
    ],
)
def test_an_impossible_machine_is_refused_in_these_words(values: dict[str, object], message: str) -> None:
    with pytest.raises(ArchError) as refused:
        Arch(**values)  # type: ignore[arg-type]
    assert str(refused.value) == message
