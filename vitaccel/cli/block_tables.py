"""The blocks of the library for a terminal and as JSON types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vitaccel.report.table import Column, Table

if TYPE_CHECKING:
    from vitaccel.backends.rtl.block import Block


def block_table(blocks: Iterable[Block]) -> Table:
    """Return a row for every block, and one more for each option after its first."""
    rows = []
    for block in blocks:
        names, summary = block.name, block.summary
        for option in block.options:
            rows.append((names, option.name, str(option.default), option.allowed, option.summary, summary))
            names = summary = ""
        if not block.options:
            rows.append((names, "", "", "", "", summary))
    return Table(
        "Blocks (vitaccel gen-rtl --block NAME --set OPTION=VALUE -o DIR)",
        (
            Column("block"), Column("option"), Column("default", right=True), Column("may be"),
            Column("meaning", elastic=True, spare=1), Column("", elastic=True),
        ),
        tuple(rows),
    )  # fmt: skip


def block_records(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """Return the blocks as JSON types."""
    return [
        {
            "name": block.name,
            "summary": block.summary,
            "options": [
                {
                    "name": option.name,
                    "default": option.default,
                    "summary": option.summary,
                    "choices": list(option.values),
                    "minimum": None if option.values else option.least,
                    "maximum": None if option.values else option.most,
                }
                for option in block.options
            ],
        }
        for block in blocks
    ]
