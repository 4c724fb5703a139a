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


def write_folder(
    folder: Path, contents: Mapping[str, str | bytes], *, mark: str, index: str | None = None
) -> tuple[Path, ...]:
    """Write files by name, all or none, and return where they are.

    Parameters
    ----------
    folder
        Made if it is not there, with those that hold it.
    contents
        By file name, which may have a folder before it.
    mark
        What every file of ours has near its beginning; another file is not replaced.
    index
        The one file that has the mark, and names all others of ours in backquotes; for files that cannot have one.

    Raises
    ------
    OutputError
        If a file of somebody else has one of the names, or something cannot be written; nothing is left behind.
    """
    paths = {folder / name: made if isinstance(made, bytes) else made.encode() for name, made in contents.items()}
    listed = "" if index is None else _listed(folder / index, mark)
    for path in paths:
        if index is None or path == folder / index:
            _check_ours(path, mark)
        elif path.exists() and f"`{path.relative_to(folder).as_posix()}`" not in listed:
            _refuse(path)
    made = _make(folder)
    for inside in sorted({path.parent for path in paths} - {folder}):
        made = [*_make(inside), *made]
    try:
        check_outputs(paths)
        write_files(paths)
    except BaseException:
        for new in made:
            new.rmdir()
        raise
    return tuple(paths)


def _check_ours(path: Path, mark: str) -> None:
    if path.is_file() and not _is_ours(path, mark):
        _refuse(path)


def _is_ours(path: Path, mark: str) -> bool:
    with path.open("rb") as file:
        return mark.encode() in file.read(MARK_WITHIN_BYTES)


def _listed(index: Path, mark: str) -> str:
    """What an index of ours says; nothing if there is none."""
    return index.read_text(encoding="utf-8") if index.is_file() and _is_ours(index, mark) else ""


def _refuse(path: Path) -> None:
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
