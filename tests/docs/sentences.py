"""The sentences that the frontend may refuse a model with, read from its sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ERRORS = ("ModelError", "UnsupportedError", "VitaccelError")
COMPLETED = {"RefusedError": 0, "refuse_if": 1}
"""Calls whose argument completes *OP node 'NAME' must ...*, and which argument that is."""


@dataclass(frozen=True)
class Sentence:
    """A sentence as the source writes it.

    Parameters
    ----------
    error
        Name of the error class, or of the call that completes a sentence.
    fixed
        Its parts that are not computed, in order.
    """

    error: str
    fixed: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a printed sentence matches: anything in the place of each computed part."""
        return re.compile(".+?".join(map(re.escape, self.fixed)))

    @property
    def is_telling(self) -> bool:
        """Whether enough of it is fixed to recognise it."""
        return sum(len(re.findall(r"[a-z]", part)) for part in self.fixed) >= 9


def sentences(folder: Path) -> Iterator[Sentence]:
    """Every sentence in the modules of a folder, or in one module."""
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            at = COMPLETED.get(name, 0 if name in ERRORS else None)
            fixed = None if at is None or len(node.args) <= at else _fixed(node.args[at])
            if fixed is None:
                continue
            yield Sentence(name, ("", " node '", f"' must {fixed[0]}", *fixed[1:]) if name in COMPLETED else fixed)


def _fixed(node: ast.expr) -> tuple[str, ...] | None:
    """The parts of a string literal between its computed parts; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = [""]
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts[-1] += str(value.value)
        else:
            parts.append("")
    return tuple(parts)
