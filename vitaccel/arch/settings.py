"""Settings from a command line: ``--pe 3x32x32`` and ``--set memory.bus_bits=64``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_type_hints

from vitaccel.errors import ArchError, did_you_mean

MAX_INTEGER = 2**53
"""Largest integer a machine description may hold: above it a float cannot count."""


def parse_pe(text: str) -> dict[str, int]:
    """``side`` and ``count`` of a ``--pe`` value: ``64`` (one 8x8 array), ``16x16`` or ``3x32x32``.

    Raises
    ------
    ArchError
        If a count is not the square of a side from 4 to 32, a grid is not square, or the text has another form.
    """
    # Nine digits are more than any array has; Python refuses to read thousands of them.
    match = re.fullmatch(r"\s*(?:([0-9]{1,9})x)?(?:([0-9]{1,9})x)?([0-9]{1,9})\s*", text)
    if not match:
        raise ArchError(
            f"--pe must be a count (64), a side twice (8x8) or arrays times sides (3x32x32), not {shown(text)}"
        )
    parts = [int(p) for p in match.groups() if p is not None]
    if len(parts) == 1:
        return {"side": _side_of(parts[0]), "count": 1}
    count, side, other = ([1] if len(parts) == 2 else []) + parts
    if side != other:
        raise ArchError(f"--pe must name square arrays, not {side}x{other}")
    return {"side": side, "count": count}


def _side_of(count: int) -> int:
    side = math.isqrt(count)
    if side * side == count and 4 <= side <= 32:
        return side
    near = min(range(4, 33), key=lambda s: abs(s * s - count))
    raise ArchError(
        f"--pe must be the square of a side from 4 to 32, not {count}; nearest is {near * near}, "
        "and several arrays are written as 3x32x32"
    )


def set_value(record: Any, path: Sequence[str], text: str, key: str) -> Any:
    """*record* with the value at *path* read from *text*; *key* is the path as the user wrote it.

    Raises
    ------
    ArchError
        If there is no such value, *text* has the wrong type, or the record refuses it.
    """
    names = [f.name for f in fields(record)]
    name = path[0]
    if name not in names:
        raise ArchError(
            f"--set {key} must name one of {', '.join(names)}, not {shown(name)}{did_you_mean(name, names)}"
        )
    hint = get_type_hints(type(record))[name]
    if is_dataclass(hint):
        if len(path) != 2:
            inner = ", ".join(f"{name}.{f.name}" for f in fields(hint))
            raise ArchError(f"--set {key} must name a value of {name}: {inner}")
        return replace(record, **{name: set_value(getattr(record, name), path[1:], text, key)})
    if len(path) != 1:
        raise ArchError(f"--set {key} must stop at {name}, which has no parts")
    return replace(record, **{name: _parse(hint, text, key)})


def _parse(kind: type[Any], text: str, key: str) -> Any:
    try:
        value = int(text, 0) if kind is int else float(text) if kind is float else text
    except ValueError:
        wanted = "an integer" if kind is int else "a number"
        raise ArchError(f"--set {key} must be {wanted}, not {shown(text)}") from None
    return bounded(value, f"--set {key}")


def bounded(value: Any, key: str) -> Any:
    """*value*, unless it is an integer that no machine has.

    Raises
    ------
    ArchError
        If *value* is an integer beyond :data:`MAX_INTEGER`. It is not printed: Python refuses to print the longest.
    """
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ArchError(f"{key} must be at most {MAX_INTEGER}, not an integer of {value.bit_length()} bits")
    return value


def shown(value: object) -> str:
    """*value* as an error message shows it: its ``repr``, or the beginning of it."""
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python prints
        text = "a value too long to print"
    return text if len(text) <= 60 else f"{text[:57]}..."
