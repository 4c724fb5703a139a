"""The list of presets shows the numbers of the presets."""

from __future__ import annotations

from vitaccel.arch import load_preset, preset_names
from vitaccel.report.presets import COLUMNS, description_table, preset_table
from vitaccel.report.table import plain


def test_every_preset_has_a_row_and_the_default_comes_first() -> None:
    names = [row[0] for row in preset_table().rows]
    assert names[0] == "default"
    assert sorted(names) == sorted(preset_names())
    assert names[1:] == sorted(names[1:])


def test_a_row_shows_the_machine() -> None:
    rows = {row[0]: row for row in preset_table().rows}
    assert rows["zcu102"] == (
        "zcu102",
        "3x32x32 (3072)",
        "300",
        "4 x 128 bit",
        "13.65",  # 17.06 GB/s x 0.8
        "1024 + 2048 + 256 + 32",
        "1536 of 2520",
        "27.5 of 33.6",
        load_preset("zcu102").energy.source,
    )
    assert rows["default"][4:8] == ("3.2", "1024 + 128 + 64 + 32", "-", "-")


def test_descriptions_are_in_the_same_order() -> None:
    assert [row[0] for row in description_table().rows] == [row[0] for row in preset_table().rows]
    assert all(row[1] == load_preset(row[0]).description for row in description_table().rows)


def test_the_plain_table_has_a_head_and_no_control_characters(golden) -> None:  # type: ignore[no-untyped-def]
    text = plain(preset_table())
    assert all(column.title in text for column in COLUMNS)
    golden("presets.txt", text + plain(description_table()))
