"""Whether a file that a tool wrote is whole: compiled to WebAssembly, tools end well although the disk was full.

Only the end of a file is read, where that says it: what is cut off does not end as it should.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

Whole = Callable[[Path], bool]
"""Whether a file that exists is whole."""


def ends_with(end: bytes) -> Whole:
    """Return what says whether a file ends so."""

    def is_whole(path: Path) -> bool:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(end)))
            return file.read() == end

    return is_whole


def has(words: bytes) -> Whole:
    """Return what says whether these words are anywhere in a file."""
    return lambda path: words in path.read_bytes()


def is_json(path: Path) -> bool:
    """Return whether a file is JSON: for one on a single line, whose end is like many places in it."""
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def broken_in(folder: Path, results: Mapping[str, Whole]) -> str | None:
    """Return the first of these files that is missing or not whole, ``None`` if all are."""
    for name, is_whole in results.items():
        path = folder / name
        if not path.is_file() or not is_whole(path):
            return name
    return None
