from __future__ import annotations

import io

import pytest
from rich.console import Console

from vitaccel.report.table import Column, Table, for_terminal, narrowed, plain

TABLE = Table(
    "Fruit",
    (Column("name"), Column("colour", spare=1), Column("count", right=True)),
    (("apple", "red", "5"), ("[bold]pear[/]", "", "1,200")),
    footer=(("total", "", "1,205"),),
)


def drawn(table: Table, width: int, *, color: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(for_terminal(table, width))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_plain_text_is_aligned_and_unstyled() -> None:
    assert plain(TABLE) == (
        "Fruit\n"
        "name           colour  count\n"
        "----------------------------\n"
        "apple          red         5\n"
        "[bold]pear[/]          1,200\n"
        "----------------------------\n"
        "total                  1,205\n"
    )


def test_plain_text_without_headings_has_no_rule() -> None:
    table = Table("", (Column(""), Column("")), (("latency", "5 ms"), ("PEs", "64")))
    assert plain(table) == "latency  5 ms\nPEs      64\n"


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="must have 2 cells, not 1"):
        Table("Fruit", (Column("a"), Column("b")), (("only",),))


def test_the_terminal_shows_markup_as_text_and_every_cell() -> None:
    text = drawn(TABLE, 80)
    for cell in ("Fruit", "name", "[bold]pear[/]", "1,200", "1,205"):
        assert cell in text
    assert "\x1b" not in text
    assert "\x1b[1m" in drawn(TABLE, 80, color=True)


def test_a_narrow_terminal_leaves_out_spare_columns_and_says_so() -> None:
    assert narrowed(TABLE, 28) == (TABLE, ())
    kept, left_out = narrowed(TABLE, 27)
    assert [column.title for column in kept.columns] == ["name", "count"]
    assert kept.rows[0] == ("apple", "5")
    assert left_out == ("colour",)
    text = drawn(TABLE, 27)
    assert "left out" in text
    assert max(map(len, text.splitlines())) <= 27


def test_columns_that_are_needed_stay_however_narrow() -> None:
    kept, _ = narrowed(TABLE, 5)
    assert [column.title for column in kept.columns] == ["name", "count"]
