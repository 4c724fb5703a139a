"""Words of a delivered bench as JSON: one word a line, in hexadecimal, as wide as its port."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

WORDS = ("words", "expected")
"""Keys of payloads, where they have lists."""

_HEXADECIMAL = re.compile(r"0x[0-9a-f]+")


def to_text(record: Mapping[str, Any]) -> str:
    """Return JSON types as text, payloads in hexadecimal."""
    return json.dumps(_written(record), indent=1) + "\n"


def from_text(text: str) -> dict[str, Any]:
    """Return what :func:`to_text` was given.

    Raises
    ------
    ValueError
        If it is not JSON, or no object.
    """
    record = _read(json.loads(text))
    if not isinstance(record, dict):
        raise ValueError(f"vectors must be a JSON object, not {type(record).__name__}")
    return record


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _payloads(part) if key in WORDS and isinstance(part, list) else _written(part)
            for key, part in value.items()
        }
    return [_written(part) for part in value] if isinstance(value, list | tuple) else value


def _payloads(words: list[int]) -> list[str]:
    digits = max((len(f"{word:x}") for word in words), default=0)
    return [f"0x{word:0{digits}x}" for word in words]


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _read(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_read(part) for part in value]
    return int(value, 16) if isinstance(value, str) and _HEXADECIMAL.fullmatch(value) else value
