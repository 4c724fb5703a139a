"""C++ of :mod:`vitaccel_hls` compiled by g++, each made once: what goes in is what it is found by again."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from vitaccel.errors import VitaccelError

BUILD_FOLDER = Path("build", "hls")
"""Where builds are kept, from the folder a command runs in."""

COMPILER = "g++"

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")
"""Pragmas and labels of loops are for HLS tools."""

FAST = ("-O2", "-march=native", "-fvect-cost-model=dynamic", "-DVITACCEL_PAIRS")
"""As ``make library`` has it: tiles are multiplied as processors like it, to the same sums."""

SHARED = ("-shared", "-fPIC", "-fvisibility=hidden")

CAREFUL = (
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-DVITACCEL_CHECK_WIDTHS",
)
"""Every access and every operation is checked, and every number that is stored must fit its width."""


class CompileError(VitaccelError):
    """The compiler is missing, or refused the sources."""


def compiled(
    sources: Mapping[str, str],
    main: str,
    *,
    flags: Sequence[str] = FAST,
    is_library: bool = False,
    folder: Path = BUILD_FOLDER,
) -> Path:
    """Return the program, or the shared library, that sources are compiled to.

    Parameters
    ----------
    sources
        Texts by file name, with the folders that they include each other by.
    main
        The one that is compiled.
    flags
        Beside the standard and the warnings.
    is_library
        Whether it is for this process.
    folder
        Where it is kept.

    Raises
    ------
    CompileError
        With what the compiler said.
    """
    command = [COMPILER, "-std=c++17", *WARNINGS, *flags, *(SHARED if is_library else []), "-I."]
    made_of = (command, _target(tuple(flags)), main, sorted(sources.items()))
    key = hashlib.sha256(repr(made_of).encode()).hexdigest()[:20]
    target = folder.absolute() / f"{Path(main).stem}_{key}{'.so' if is_library else ''}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for name, text in sources.items():
            path = Path(place) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made = Path(place) / "made"
        done = subprocess.run([*command, main, "-o", made.name], cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CompileError(f"{COMPILER} must accept {main}, and says:\n{done.stderr}")
        # Renamed into place: of two processes that compile the same, one is second, and nothing is half there.
        made.replace(target)
    return target


@cache
def _target(flags: tuple[str, ...]) -> str:
    """The compiler's own macros: its version, and what the processor has that a build may use."""
    if shutil.which(COMPILER) is None:
        raise CompileError(f"{COMPILER} must be installed to compile C++")
    command = [COMPILER, *flags, "-dM", "-E", "-xc++", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
