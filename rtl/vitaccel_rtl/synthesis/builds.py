"""Runs of the open FPGA tools, each made once: what goes in is what its results are found by again."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from vitaccel_rtl.synthesis.tools import LOG, Progress, SynthesisError, Tool, in_silence
from vitaccel_rtl.synthesis.whole import Whole, broken_in, has

BUILD_FOLDER = Path("build", "synthesis")
"""Where results are kept, from the folder a command runs in."""

MAKING = "making-"
"""Folders of runs begin with that."""

STALE_S = 86400.0
"""Age of such a folder whose run was killed: none takes a day."""

FULL_BYTES = 65536
"""A disk with less room is full: what a tool says there need not be why it failed."""


def cached(
    tool: Tool,
    arguments: tuple[str, ...],
    sources: Mapping[str, str],
    folder: Path = BUILD_FOLDER,
    run: Callable[[Path], None] | None = None,
    *,
    results: Mapping[str, Whole] | None = None,
    say: Progress = in_silence,
) -> Path:
    """Return the folder with what a tool makes of *sources*, made unless it is there and whole.

    Two processes may make the same: each makes it in a folder of its own, and the first to finish is kept.

    Parameters
    ----------
    tool
        Its version is part of what the results are found by.
    arguments
        Of the tool.
    sources
        Texts by file name.
    folder
        Of all results.
    run
        What runs in the new folder, if not the tool with these arguments.
    results
        Files that the tool must have written, each with what says whether it is whole.
    say
        Called with what the tool does.

    Raises
    ------
    SynthesisError
        If the tool is not installed, or ends badly, or leaves a result that is not whole, or nothing can be written;
        the error says where the tool's log is, and nothing else is left. That is so of an interrupt too, in a note.
    """
    parts = [tool.name, tool.version, *arguments, *(f"{name}\n{text}" for name, text in sorted(sources.items()))]
    place = folder.resolve() / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    expected = dict(results or {})
    if run is None and tool.last_words:
        expected[LOG] = has(tool.last_words)
    try:
        if place.exists() and broken_in(place, expected):
            shutil.rmtree(place)
        if not place.exists():
            _make(tool, run or (lambda making: tool.run(arguments, making, say=say)), sources, expected, place)
    except OSError as error:
        said = error.strerror or str(error)
        where = error.filename or place.parent
        raise SynthesisError(f"{where} must be writable, and is not: {said[:1].lower()}{said[1:]}") from error
    return place


def _make(
    tool: Tool, run: Callable[[Path], None], sources: Mapping[str, str], results: Mapping[str, Whole], place: Path
) -> None:
    """Make results in a folder of their own, and give them their place when they are whole."""
    kept = place.with_suffix(".log")
    place.parent.mkdir(parents=True, exist_ok=True)
    _clear_away(place.parent)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=MAKING) as temporary:
        making = Path(temporary, "build")
        making.mkdir()
        for name, text in sources.items():
            (making / name).write_text(text)
        try:
            run(making)
            if broken := broken_in(making, results):
                perhaps = "" if _is_full(making) else "; the disk may have been full"
                raise SynthesisError(f"{tool.name} must write {broken} whole, and has not{perhaps}")
        except SynthesisError as error:
            full = "; the disk is full" if _is_full(making) else ""
            raise SynthesisError(f"{error}{full}{_keep_log(making, kept)}") from None
        except (KeyboardInterrupt, SystemExit) as end:
            end.add_note(f"{tool.name} had not ended{_keep_log(making, kept)}")
            raise
        try:
            making.rename(place)
        except OSError:
            if not place.exists():
                raise
    kept.unlink(missing_ok=True)  # of a run of the same that failed


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < FULL_BYTES


def _clear_away(folder: Path) -> None:
    """Remove what is left of runs that were killed."""
    begin = time.time() - STALE_S
    for left in folder.glob(f"{MAKING}*"):
        with suppress(FileNotFoundError):  # its run has just ended
            if left.stat().st_mtime < begin:
                shutil.rmtree(left, ignore_errors=True)


def _keep_log(making: Path, kept: Path) -> str:
    """Keep the log of what did not end well, if there is one, and return what to say of it."""
    if not (making / LOG).exists():
        return ""
    (making / LOG).replace(kept)
    return f"; its log is {kept}"
