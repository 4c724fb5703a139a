"""Output files: complete or not there. Everything vitaccel writes is written aside and then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
        if is_stream(path):
            continue
        parent = _behind_links(path).parent
        if not parent.is_dir():
            raise OutputError(f"directory {parent} of output file {path.name} must exist")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise OutputError(f"directory {parent} of output file {path.name} must be writable")
        if path.resolve() in taken:
            raise OutputError(f"output file {path} must be a file of its own, not {taken[path.resolve()]}")
        taken[path.resolve()] = "another output"


def is_stream(path: Path) -> bool:
    """Whether a path is a device or a pipe, such as ``/dev/null``: written to, never replaced by a file."""
    return path.exists() and not path.is_file() and not path.is_dir()


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, complete or not at all; see :func:`write_files`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, complete or not at all; see :func:`write_files`."""
    write_files({path: content})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files: each complete, and none before all of them are on the disk.

    A file that was there is replaced and keeps its permissions, a link stays a link, a device or a pipe is written to.

    Raises
    ------
    OutputError
        If a directory is missing or not writable, or the disk is full; nothing is left behind.
    """
    aside: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            if not is_stream(path):
                _write_aside(path, content, aside)
        for path, content in contents.items():
            with _naming(path):
                if path in aside:
                    aside[path].replace(_behind_links(path))
                else:
                    path.write_bytes(content)
    finally:
        for left in aside.values():
            left.unlink(missing_ok=True)


def _write_aside(path: Path, content: bytes, aside: dict[Path, Path]) -> None:
    target = _behind_links(path)
    with _naming(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        aside[path] = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        aside[path].chmod(_mode(target))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"output file {path} must be writable, but: {error.strerror or error}") from error


def _behind_links(path: Path) -> Path:
    return path.resolve() if path.is_symlink() else path


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new file; mkstemp's are the owner's only."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
