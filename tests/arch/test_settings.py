"""``--pe`` and ``--set``: what they mean, their errors word for word, and that nothing else comes out."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitaccel.arch import Arch, parse_pe
from vitaccel.errors import ArchError

PE_FORMS = "a count (64), a side twice (8x8) or arrays times sides (3x32x32)"
NAMES = "name, description, frequency_hz, array, memory, buffers, numerics, moe, limits, energy"
MEMORY = "bus_bits, ports, burst_beats, outstanding, latency_cycles, peak_bytes_per_s, efficiency"


@pytest.mark.parametrize(
    ("text", "side", "count"),
    [
        ("16", 4, 1),
        ("64", 8, 1),
        (" 1024 ", 32, 1),
        ("25", 5, 1),
        ("8x8", 8, 1),
        ("3x32x32", 32, 3),
        ("1x4x4", 4, 1),
    ],
)
def test_pe_says_side_and_count(text: str, side: int, count: int) -> None:
    assert parse_pe(text) == {"side": side, "count": count}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"--pe must be {PE_FORMS}, not ''"),
        ("x8", f"--pe must be {PE_FORMS}, not 'x8'"),
        ("2x3x8x8", f"--pe must be {PE_FORMS}, not '2x3x8x8'"),
        ("-64", f"--pe must be {PE_FORMS}, not '-64'"),
        ("8.0", f"--pe must be {PE_FORMS}, not '8.0'"),
        ("٦٤", f"--pe must be {PE_FORMS}, not '٦٤'"),
        ("9" * 5000, f"--pe must be {PE_FORMS}, not '{'9' * 56}..."),
        (
            "60",
            "--pe must be the square of a side from 4 to 32, not 60; nearest is 64, "
            "and several arrays are written as 3x32x32",
        ),
        (
            "4",
            "--pe must be the square of a side from 4 to 32, not 4; nearest is 16, "
            "and several arrays are written as 3x32x32",
        ),
        (
            "4096",
            "--pe must be the square of a side from 4 to 32, not 4096; nearest is 1024, "
            "and several arrays are written as 3x32x32",
        ),
        ("8x16", "--pe must name square arrays, not 8x16"),
        ("2x8x16", "--pe must name square arrays, not 8x16"),
    ],
)
def test_a_wrong_pe_is_refused_in_these_words(text: str, message: str) -> None:
    with pytest.raises(ArchError) as refused:
        parse_pe(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("memroy.ports", "2", f"--set memroy.ports must name one of {NAMES}, not 'memroy' (did you mean 'memory'?)"),
        ("memory.port", "2", f"--set memory.port must name one of {MEMORY}, not 'port' (did you mean 'ports'?)"),
        ("", "2", f"--set  must name one of {NAMES}, not ''"),
        (
            "moe",
            "static",
            "--set moe must name a value of moe: moe.order",
        ),
        ("moe.order.x", "2", "--set moe.order.x must name a value of moe: moe.order"),
        ("name.x", "2", "--set name.x must stop at name, which has no parts"),
        ("memory.ports", "two", "--set memory.ports must be an integer, not 'two'"),
        ("memory.ports", "2.0", "--set memory.ports must be an integer, not '2.0'"),
        ("memory.efficiency", "half", "--set memory.efficiency must be a number, not 'half'"),
        ("memory.ports", "33", "memory.ports must be 1 to 32, not 33"),
        (
            "limits.multipliers",
            "1" + "0" * 30,
            "--set limits.multipliers must be at most 9007199254740992, not an integer of 100 bits",
        ),
        (
            "array.side",
            "0x" + "f" * 5000,
            "--set array.side must be at most 9007199254740992, not an integer of 20000 bits",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_these_words(key: str, text: str, message: str) -> None:
    with pytest.raises(ArchError) as refused:
        Arch().with_settings({key: text})
    assert str(refused.value) == message


KEYS = st.sampled_from(
    [
        "frequency_hz", "name", "description", "array", "array.side", "array.count", "array.macs_per_multiplier",
        "memory.bus_bits", "memory.ports", "memory.peak_bytes_per_s", "memory.efficiency", "memory.latency_cycles",
        "buffers.weight_bytes", "numerics.weight_bits", "moe.order", "limits.memory_bits", "energy.mac_pj",
        "energy.source", "array.side.x", "energy.",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.integers(min_value=0).map(hex),
    st.floats().map(str),
    st.sampled_from(["nan", "inf", "-inf", "1e400", "1e-400", "1_000", "0b1", "-0", "", " 8 ", "9" * 5000]),
)


@given(settings=st.dictionaries(st.one_of(KEYS, st.text(max_size=20)), TEXTS, max_size=5))
@example(settings={"array.side": "0x" + "f" * 5000})
@example(settings={"memory.peak_bytes_per_s": "1e-300", "frequency_hz": "1e300"})
def test_settings_give_a_usable_machine_or_one_sentence(settings: dict[str, str]) -> None:
    try:
        arch = Arch().with_settings(settings)
    except ArchError:
        return
    assert 0 < arch.dram_bytes_per_cycle <= 2048
    assert len(arch.exceeded_limits()) <= 2


@given(text=st.one_of(st.text(max_size=20), st.from_regex(r"[0-9x]{1,20}", fullmatch=True)))
def test_pe_gives_a_grid_or_one_sentence(text: str) -> None:
    try:
        arch = Arch().with_pe(text)
    except ArchError:
        return
    assert parse_pe(str(arch.array)) == {"side": arch.array.side, "count": arch.array.count}
