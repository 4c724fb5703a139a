"""Machines from TOML: every preset loads and fits its device, and every wrong file is told in one sentence."""

from __future__ import annotations

import math
import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitaccel.arch import Arch, from_mapping, load_arch, load_preset, preset_names
from vitaccel.errors import ArchError
from vitaccel_rtl.synthesis.devices import DEVICES as SYNTHESIZED

PRESETS = ("asic-28nm", "default", "ecp5-85f", "u280", "vck190", "zcu102")
DEVICES = {
    # name: multipliers, block RAMs of how many kbit (data sheets)
    "ecp5-85f": (156, ((208, 18),)),
    "zcu102": (2520, ((912, 36),)),
    "u280": (9024, ((2016, 36), (960, 288))),
    "vck190": (1968, ((967, 36), (463, 288))),
}


def test_the_presets_are_these() -> None:
    assert preset_names() == PRESETS


def test_the_default_preset_is_the_default_machine() -> None:
    assert load_preset("default") == Arch()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_itself_and_fits_its_device(name: str) -> None:
    arch = load_preset(name)
    assert arch.name == name
    assert arch.description
    assert arch.exceeded_limits() == ()


@pytest.mark.parametrize("name", sorted(set(PRESETS) - set(DEVICES)))
def test_a_preset_without_a_device_has_no_limits(name: str) -> None:
    limits = load_preset(name).limits
    assert (limits.multipliers, limits.memory_bits) == (0, 0)


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_limits_are_the_data_sheets_and_buffers_leave_room(name: str) -> None:
    arch = load_preset(name)
    multipliers, memories = DEVICES[name]
    assert arch.limits.multipliers == multipliers
    assert arch.limits.memory_bits == sum(count * kbit * 1024 for count, kbit in memories)
    # One bit in nine is parity, which bytes cannot use; one block in twenty is left for FIFOs and tables.
    assert arch.buffers.total_bytes * 8 <= arch.limits.memory_bits * 8 / 9 * 0.95


@pytest.mark.parametrize(("name", "target"), [("ecp5-85f", "ecp5-85k"), ("zcu102", "xcup")])
def test_limits_are_those_that_a_synthesis_is_held_against(name: str, target: str) -> None:
    limits, total = load_preset(name).limits, SYNTHESIZED[target].total
    assert (limits.multipliers, limits.memory_bits) == (total.multipliers, total.block_rams * 18 * 1024)


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"default"}))
def test_ports_and_dram_are_of_one_size(name: str) -> None:
    arch = load_preset(name)
    ports = arch.memory.beat_bytes * arch.frequency_hz
    assert 0.5 <= ports / arch.memory.peak_bytes_per_s <= 2


def test_zcu102_is_the_machine_the_published_designs_are_held_against() -> None:
    arch = load_preset("zcu102")
    assert arch.array.multipliers <= 1754  # CoQMoE's
    expert_bytes = 2 * 192 * 384
    assert arch.buffers.weight_bytes // expert_bytes == 14


@pytest.mark.parametrize("name", PRESETS)
def test_every_number_of_a_preset_is_on_a_line_of_at_most_120_characters(name: str) -> None:
    text = (resources.files("vitaccel") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 120


def test_an_unknown_preset_is_refused_in_these_words() -> None:
    with pytest.raises(ArchError) as refused:
        load_preset("zcu104")
    assert str(refused.value) == f"preset must be one of {', '.join(PRESETS)}, not 'zcu104' (did you mean 'zcu102'?)"


def test_a_file_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nfrequency_hz = 100_000_000\n[array]\nside = 16\n')
    arch = load_arch(path)
    assert arch == Arch(name="mine").with_settings({"frequency_hz": "1e8", "array.side": "16"})
    assert isinstance(arch.frequency_hz, float)


KNOWN = "array, buffers, description, energy, frequency_hz, limits, memory, moe, name, numerics"
MEMORY = "burst_beats, bus_bits, efficiency, latency_cycles, outstanding, peak_bytes_per_s, ports"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed = 1", f"key speed must be one of {KNOWN}"),
        ("[memory]\nport = 1", f"key memory.port must be one of {MEMORY} (did you mean 'ports'?)"),
        ("array = 8", "array must be a table, not 8"),
        ("[[array]]\nside = 8", "array must be a table, not [{'side': 8}]"),
        ("[array]\nside = 8.0", "array.side must be an integer, not 8.0"),
        ("[array]\nside = true", "array.side must be an integer, not True"),
        ("frequency_hz = true", "frequency_hz must be a number, not True"),
        ('frequency_hz = "fast"', "frequency_hz must be a number, not 'fast'"),
        ("name = 1", "name must be a string, not 1"),
        ("frequency_hz = inf", "frequency_hz must be 1e3 to 1e11, not inf"),
        ("[array]\nside = 99", "array.side must be 4 to 32, not 99; use more arrays for more PEs (3x32x32)"),
        (
            f"frequency_hz = 1{'0' * 400}",
            "frequency_hz must be at most 9007199254740992, not an integer of 1329 bits",
        ),
        (
            f"[array]\nside = 0x{'f' * 5000}",
            "array.side must be at most 9007199254740992, not an integer of 20000 bits",
        ),
        (f"array = 0x{'f' * 5000}", "array must be a table, not a value too long to print"),
        (f"name = [{'1, ' * 99}]", f"name must be a string, not [{'1, ' * 18}1,..."),
    ],
)
def test_a_wrong_description_is_refused_in_these_words(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ArchError) as refused:
        load_arch(path)
    assert str(refused.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name =", r"must be TOML: Invalid value .*"),
        (b"\xff", r"must be TOML: 'utf-8' codec can't decode .*"),
        (b"a = " + b"9" * 5000, r"must be TOML: Exceeds the limit .*"),
        (b"a = " + b"[" * 100_000, r"must be TOML, not tables nested without end"),
    ],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)
    with pytest.raises(ArchError) as refused:
        load_arch(path)
    assert re.fullmatch(re.escape(f"machine description {path} ") + message, str(refused.value))


def test_a_file_that_cannot_be_read_is_refused_in_these_words(tmp_path: Path) -> None:
    with pytest.raises(ArchError) as refused:
        load_arch(tmp_path / "none.toml")
    assert (
        str(refused.value)
        == f"machine description {tmp_path / 'none.toml'} must be readable: No such file or directory"
    )
    with pytest.raises(ArchError, match="must be readable: Is a directory"):
        load_arch(tmp_path)


KEYS = st.sampled_from([*KNOWN.split(", "), *MEMORY.split(", "), "side", "count", "mac_pj", "source", "order"])
SCALARS = st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=9), st.none(), st.just(10**400))
TABLES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.dictionaries(st.one_of(KEYS, st.text(max_size=9)), inner, max_size=4), st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)


@given(content=st.dictionaries(st.one_of(KEYS, st.text(max_size=9)), TABLES, max_size=4))
@example(content={"energy": {"mac_pj": 10**400}})
def test_any_table_gives_a_usable_machine_or_one_sentence(content: dict[str, object]) -> None:
    try:
        arch = from_mapping(content, "here")
    except ArchError as refused:
        told = str(refused)
    else:
        told = "here: "
        assert 0 < arch.dram_bytes_per_cycle < math.inf
    assert told.startswith("here: ")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_states_what_must_not_fall_back_on_the_default(name: str) -> None:
    text = (resources.files("vitaccel") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    for key in ("side", "latency_cycles", "weight_bytes", "mac_pj", "source"):
        assert len(re.findall(rf"^{key} = ", text, re.MULTILINE)) == 1
