"""The hardware blocks as C++ headers, with the same stems as in ``vitaccel_rtl``, and the project around them.

A header is one idea. Headers include each other as ``vitaccel_hls/NAME.hpp``; ``vitaccel_hls/instructions.hpp`` is
generated, and so is ``machine.hpp``, which the files of ``project`` include.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

INCLUDED = FOLDER.name
"""The folder that headers include each other from."""


def headers() -> dict[str, str]:
    """Return the text of every header, by the name that it is included by."""
    return {f"{INCLUDED}/{path.name}": path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.hpp"))}


def project() -> dict[str, str]:
    """Return the text of every file of the project around the headers, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "project").iterdir())}
