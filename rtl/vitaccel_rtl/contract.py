"""What a component promises, out of its docstring: plain text for the header of its Verilog and its README."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_HEADING = re.compile(r"^(\S[^\n]*)\n-{3,}\n", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![\w*])\*(\w+)\*(?![\w*])")
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The parts of a numpydoc docstring that matter to who uses the Verilog.

    Parameters
    ----------
    summary
        The first sentence.
    text
        What follows it, in lines.
    ports
        The sections *Attributes* and *Ports*, in lines.
    timing
        The section *Timing*, in lines.
    background
        The docstring of the module: formulas and formats that its components share, in lines.
    """

    summary: str
    text: tuple[str, ...]
    ports: tuple[str, ...]
    timing: tuple[str, ...]
    background: tuple[str, ...]


def contract(component: Any) -> Contract:
    """Return the contract of a component; what its docstring does not say is empty."""
    kind = type(component)
    summary, _, rest = _plain(inspect.cleandoc(kind.__doc__ or "")).partition("\n")
    text, sections = _sections(rest)
    module = inspect.getmodule(kind)
    return Contract(
        summary=summary,
        text=text,
        ports=(*sections.get("Attributes", ()), *sections.get("Ports", ())),
        timing=sections.get("Timing", ()),
        background=_lines(_plain(inspect.cleandoc((module and module.__doc__) or ""))),
    )


def cycles(component: Any) -> dict[str, str]:
    """Return what a component says of its cycles: every property and method whose name ends in ``_cycles``, in words.

    Those that are numbers begin with the number: ``6: cycles from accepting a word to offering its result.``
    """
    return dict(_cycles(component))


def _cycles(component: Any) -> Iterator[tuple[str, str]]:
    for name in sorted(dir(type(component))):
        if not name.endswith("_cycles") or name.startswith("_"):
            continue
        said = " ".join(_plain(inspect.getdoc(getattr(type(component), name)) or "").split())
        value = getattr(component, name)
        if isinstance(value, int):
            yield name, f"{value}: {said[:1].lower()}{said[1:]}".removesuffix(": ")
        elif callable(value):
            yield name, said


def _sections(text: str) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    """Return the lines before the first heading, and those under each."""
    before, *parts = _HEADING.split(text)
    return _lines(before), {name: _lines(lines) for name, lines in zip(parts[::2], parts[1::2], strict=True)}


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.rstrip() for line in text.strip("\n").rstrip().splitlines())


def _plain(text: str) -> str:
    """Return reStructuredText without roles, backticks and emphasis."""
    return _EMPHASIS.sub(r"\1", _ROLE.sub(r"\1", text).replace("`", ""))
