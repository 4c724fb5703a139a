"""Machines from TOML: presets that ship with vitaccel, and files of a user."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, get_type_hints

from vitaccel.arch.machine import Arch
from vitaccel.arch.settings import bounded, shown
from vitaccel.errors import ArchError, did_you_mean


def preset_names() -> tuple[str, ...]:
    """Names of the machines that ship with vitaccel."""
    folder = resources.files("vitaccel") / "presets"
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


@cache
def load_preset(name: str) -> Arch:
    """A machine that ships with vitaccel.

    Raises
    ------
    ArchError
        If there is no preset of that name.
    """
    if name not in preset_names():
        raise ArchError(
            f"preset must be one of {', '.join(preset_names())}, not {name!r}{did_you_mean(name, preset_names())}"
        )
    text = (resources.files("vitaccel") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    return from_mapping(tomllib.loads(text), f"preset {name}")


def load_arch(path: Path) -> Arch:
    """A machine from a TOML file; keys not given keep the preset ``default``'s values.

    Raises
    ------
    ArchError
        If the file cannot be read, is not TOML, or has an unknown key or an impossible value.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArchError(f"machine description {path} must be readable: {error.strerror or error}") from error
    except RecursionError:
        raise ArchError(f"machine description {path} must be TOML, not tables nested without end") from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, and integers of thousands of digits
        raise ArchError(f"machine description {path} must be TOML: {error}") from error
    return from_mapping(content, str(path))


def from_mapping(content: Mapping[str, Any], where: str) -> Arch:
    """A machine from nested tables; *where* begins every error message.

    Raises
    ------
    ArchError
        If a key is unknown, or a value has the wrong type or is impossible.
    """
    arch: Arch = _build(Arch, content, where, "")
    return arch


def _build(kind: type[Any], content: Mapping[str, Any], where: str, prefix: str) -> Any:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key not in hints:
            known = sorted(hints)
            raise ArchError(f"{where}: key {prefix}{key} must be one of {', '.join(known)}{did_you_mean(key, known)}")
        if is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise ArchError(f"{where}: {prefix}{key} must be a table, not {shown(value)}")
            values[key] = _build(hints[key], value, where, f"{prefix}{key}.")
        else:
            values[key] = _scalar(hints[key], value, f"{where}: {prefix}{key}")
    try:
        return kind(**values)
    except ArchError as error:
        raise ArchError(f"{where}: {error}") from None


def _scalar(kind: type[Any], value: Any, key: str) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        return float(bounded(value, key))
    if isinstance(value, kind) and not isinstance(value, bool):
        return bounded(value, key)
    wanted = {int: "an integer", float: "a number", str: "a string"}[kind]
    raise ArchError(f"{key} must be {wanted}, not {shown(value)}")
