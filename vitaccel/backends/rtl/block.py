"""What a block of gateware is to those who choose one: a name, options, and the component that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vitaccel.errors import BlockError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Option:
    """An integer that a user chooses.

    Parameters
    ----------
    name
        As in ``--set name=value``.
    default
        Its value when nobody chooses.
    summary
        What it is, with its unit.
    values
        All that it may be, where it is one of a few; else empty.
    least, most
        What it may be, where *values* is empty.
    """

    name: str
    default: int
    summary: str
    values: tuple[int, ...] = ()
    least: int = 0
    most: int = 0

    @property
    def allowed(self) -> str:
        """What it may be, in words: ``8 or 16``, ``1 to 256``."""
        if not self.values:
            return f"{self.least} to {self.most}"
        *first, last = (str(value) for value in self.values)
        return f"{', '.join(first)} or {last}" if first else last

    def check(self, block: str, value: int) -> int:
        """Return *value*.

        Raises
        ------
        BlockError
            If it may not be that.
        """
        fits = value in self.values if self.values else self.least <= value <= self.most
        if not fits:
            raise BlockError(f"{self.name} of block {block} must be {self.allowed}, not {value}")
        return value


def lanes(default: int = 8, most: int = 256) -> Option:
    """The option that all blocks of lanes have."""
    return Option(name="lanes", default=default, summary="P, elements of a word", least=1, most=most)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of the library.

    Parameters
    ----------
    name
        As in ``vitaccel gen-rtl --block name``.
    summary
        What it does, one line.
    options
        What may be chosen, in the order in which it is shown.
    make
        From the options, by name, to an ``amaranth.lib.wiring.Component`` that was not elaborated yet.
    """

    name: str
    summary: str
    options: tuple[Option, ...]
    make: Callable[..., Any]

    def choose(self, given: Mapping[str, int]) -> dict[str, int]:
        """Return a value for every option: what is given, else the default.

        Raises
        ------
        BlockError
            If an option does not exist or may not have its value.
        """
        names = [option.name for option in self.options]
        for name in given:
            if name not in names:
                hint = did_you_mean(name, names)
                raise BlockError(f"an option of block {self.name} must be one of {', '.join(names)}, not {name}{hint}")
        return {option.name: option.check(self.name, given.get(option.name, option.default)) for option in self.options}

    def component(self, **given: int) -> Any:
        """Return the component with these options.

        Raises
        ------
        BlockError
            If an option does not exist, may not have its value, or does not go with another.
        """
        try:
            return self.make(**self.choose(given))
        except ValueError as error:
            raise BlockError(f"block {self.name}: {error}") from error
