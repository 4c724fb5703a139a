"""Output files: complete or not there. Everything vitaccel writes is written aside and then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from vitaccel.errors import OutputError


def check_outputs(outputs: Iterable[Path], *, inputs: Iterable[Path] = ()) -> None:
    """Refuse output files that cannot be written, before any work is done for them.

    Raises
    ------
    OutputError
        If a file is a directory, its directory is missing or not writable, two outputs are one file, or an output is
        an input.
    """
    taken = {path.resolve(): "the input" for path in inputs}
    for path in outputs:
        if path.is_dir():
            raise OutputError(f"output file {path} must be a file, not a directory")
        if not path.parent.is_dir():
            raise OutputError(f"directory {path.parent} of output file {path.name} must exist")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise OutputError(f"directory {path.parent} of output file {path.name} must be writable")
        if path.resolve() in taken:
            raise OutputError(f"output file {path} must be a file of its own, not {taken[path.resolve()]}")
        taken[path.resolve()] = "another output"


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, complete or not at all; see :func:`write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, complete or not at all, replacing what was there.

    Raises
    ------
    OutputError
        If the directory is missing or not writable, or the disk is full; nothing is left behind.
    """
    aside = ""
    try:
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(aside).chmod(_mode(path))
        Path(aside).replace(path)
    except BaseException as error:
        if aside:
            Path(aside).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"output file {path} must be writable, but: {error.strerror or error}") from error
        raise


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new file; mkstemp's are the owner's only."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
