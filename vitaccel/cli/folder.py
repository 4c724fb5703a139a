"""An output directory: made if it is not there, and files in it written all or none, over our own files only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vitaccel.cli.files import check_outputs, write_files
from vitaccel.errors import OutputError

MARK_WITHIN_BYTES = 4096
"""A mark is near the beginning of a file."""


def check_folder(folder: Path) -> None:
    """Refuse a directory that cannot be written to or made, before any work is done for it.

    Raises
    ------
    OutputError
        If it, or what should hold it, is a file or not writable.
    """
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise OutputError(f"output directory {folder} must be a directory, and {nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(f"output directory {folder} must be writable, and {nearest} is not")


def write_folder(folder: Path, texts: Mapping[str, str], *, mark: str) -> tuple[Path, ...]:
    """Write texts by file name, all or none, and return where they are.

    Parameters
    ----------
    folder
        Made if it is not there, with those that hold it.
    texts
        By file name.
    mark
        What every file of ours has near its beginning; another file is not replaced.

    Raises
    ------
    OutputError
        If a file of somebody else has one of the names, or something cannot be written; nothing is left behind.
    """
    paths = {folder / name: text.encode() for name, text in texts.items()}
    for path in paths:
        _check_ours(path, mark)
    made = _make(folder)
    try:
        check_outputs(paths)
        write_files(paths)
    except BaseException:
        for new in made:
            new.rmdir()
        raise
    return tuple(paths)


def _check_ours(path: Path, mark: str) -> None:
    if not path.is_file():
        return
    with path.open("rb") as file:
        if mark.encode() not in file.read(MARK_WITHIN_BYTES):
            raise OutputError(f"output file {path} must be one that vitaccel wrote, to be replaced; it is not")


def _make(folder: Path) -> list[Path]:
    """Make a directory and return those that are new, the innermost first."""
    new = []
    place = folder
    while not place.exists():
        new.append(place)
        place = place.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"output directory {folder} must be writable, but: {error.strerror}") from error
    return new
