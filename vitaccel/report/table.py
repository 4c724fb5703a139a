"""A table of text cells, drawn plain for a pipe or by rich for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.table import Table as RichTable

GAP = "  "

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """A heading and how its cells behave.

    Parameters
    ----------
    title
        The heading.
    right
        Aligned right, as numbers are.
    elastic
        Prose: a terminal that is too narrow folds it.
    spare
        A terminal that is too narrow leaves the column out, the lowest number above 0 first; 0 stays.
    """

    title: str
    right: bool = False
    elastic: bool = False
    spare: int = 0


@dataclass(frozen=True)
class Table:
    """Cells in rows under headings.

    Parameters
    ----------
    title
        What the table shows.
    columns
        Headings; all empty for a table without a heading line.
    rows
        Cells, as many in each row as there are columns.
    footer
        Rows under a rule: totals.

    Raises
    ------
    ValueError
        If a row has another number of cells than there are columns.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    footer: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        for row in (*self.rows, *self.footer):
            if len(row) != len(self.columns):
                raise ValueError(f"a row of table {self.title!r} must have {len(self.columns)} cells, not {len(row)}")

    @property
    def headed(self) -> bool:
        """Whether there is a heading line."""
        return any(column.title for column in self.columns)


def plain(table: Table) -> str:
    """Return the table as aligned text without control characters, ending in a newline."""
    titles = tuple(column.title for column in table.columns)
    widths = _widths(table)

    def line(row: Iterable[str]) -> str:
        padded = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        )
        return GAP.join(padded).rstrip()

    rule = "-" * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines = [table.title] if table.title else []
    lines += [line(titles), rule] if table.headed else []
    lines += [line(row) for row in table.rows]
    lines += [rule, *(line(row) for row in table.footer)] if table.footer else []
    return "\n".join(lines) + "\n"


def for_terminal(table: Table, width: int) -> RichTable:
    """Return the table as rich draws it in *width* columns; cells are text, never markup."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    shown, left_out = narrowed(table, width)
    drawn = RichTable(
        title=Text(table.title, style="bold") if table.title else None,
        title_justify="left",
        box=box.Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n") if table.headed else None,
        show_edge=False,
        show_header=table.headed,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption=Text(f"left out for want of width: {', '.join(left_out)}", style="dim") if left_out else None,
        caption_justify="left",
    )
    for column in shown.columns:
        drawn.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=not column.elastic,
            overflow="fold",
        )
    for at, row in enumerate(shown.rows):
        drawn.add_row(*map(Text, row), end_section=bool(table.footer) and at == len(table.rows) - 1)
    for row in shown.footer:
        drawn.add_row(*(Text(cell, style="bold") for cell in row))
    return drawn


def narrowed(table: Table, width: int) -> tuple[Table, tuple[str, ...]]:
    """Return the table without the spare columns that do not fit *width*, and the titles left out."""
    left_out: list[str] = []
    while sum(_widths(table)) + len(GAP) * (len(table.columns) - 1) > width:
        spare = [at for at, column in enumerate(table.columns) if column.spare]
        if not spare:
            break
        gone = min(spare, key=lambda at: table.columns[at].spare)
        left_out.append(table.columns[gone].title)
        table = replace(
            table,
            columns=_without(table.columns, gone),
            rows=tuple(_without(row, gone) for row in table.rows),
            footer=tuple(_without(row, gone) for row in table.footer),
        )
    return table, tuple(left_out)


def _without(items: tuple[T, ...], at: int) -> tuple[T, ...]:
    return items[:at] + items[at + 1 :]


def _widths(table: Table) -> list[int]:
    cells = [tuple(column.title for column in table.columns), *table.rows, *table.footer]
    return [max(len(row[at]) for row in cells) for at in range(len(table.columns))]
