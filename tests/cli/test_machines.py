from __future__ import annotations

from pathlib import Path

import pytest

from vitaccel.arch import preset_names
from vitaccel.cli.machines import key_value, machines, preset_records, preset_table, stated_keys
from vitaccel.errors import ArchError


def test_one_machine_for_each_pe_entry() -> None:
    found = machines(pe="16,3x8x8", preset=None, arch_file=None, settings=["frequency_hz=1e8"])
    assert [(arch.array.pes, arch.frequency_hz) for arch in found] == [(16, 1e8), (192, 1e8)]


def test_pe_comes_after_settings_and_settings_after_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[array]\nside = 4\n[memory]\nbus_bits = 32\n")
    settings = ["array.side=8", "memory.bus_bits=64", "memory.bus_bits=128"]
    (arch,) = machines(pe="16x16", preset=None, arch_file=str(path), settings=settings)
    assert (arch.array.side, arch.memory.bus_bits) == (16, 128)


def test_a_file_and_a_preset_exclude_each_other() -> None:
    with pytest.raises(ArchError, match="not from both"):
        machines(pe=None, preset="default", arch_file="x.toml", settings=[])


@pytest.mark.parametrize("text", ["memory.bus_bits", "=64", ""])
def test_a_setting_needs_a_key_and_an_equals_sign(text: str) -> None:
    with pytest.raises(ArchError, match=r"--set must be key=value, as in --set memory\.bus_bits=256, not"):
        key_value(text)
    assert key_value(" a.b = 1=2 ") == ("a.b", "1=2")


def test_every_preset_is_listed() -> None:
    assert [row[0] for row in preset_table().rows] == list(preset_names())
    assert [record["name"] for record in preset_records()["presets"]] == list(preset_names())


def test_what_is_stated_is_what_the_user_wrote(tmp_path: Path) -> None:
    toml = tmp_path / "machine.toml"
    toml.write_text('name = "mine"\n[numerics]\nweight_bits = 4\n[memory]\nports = 2\n')
    assert stated_keys(str(toml), ["memory.bus_bits=64"]) == {
        "name", "numerics.weight_bits", "memory.ports", "memory.bus_bits"
    }  # fmt: skip
    assert stated_keys(None, []) == frozenset()
