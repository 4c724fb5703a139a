"""Options of a zoo model: name, default, legal values, and the check of a value that a user gave."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.errors import VitaccelError, did_you_mean

OptionValue = bool | int | float | str

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Option:
    """One option of a zoo model.

    Parameters
    ----------
    name
        Keyword of :func:`vitaccel.zoo.build`.
    default
        Value when the option is not given; its type is the option's type.
    description
        One line for ``vitaccel export --list``.
    choices
        Every legal value, or empty for any value in ``minimum..maximum``.
    minimum, maximum
        Inclusive range of a number without ``choices``; ``None`` leaves that side open.
    """

    name: str
    default: OptionValue
    description: str
    choices: tuple[OptionValue, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if self.check(self.default, model="the catalog") != self.default:
            raise VitaccelError(f"option {self.name} must have a legal default, not {self.default!r}")

    @property
    def legal(self) -> str:
        """The legal values in words."""
        if isinstance(self.default, bool):
            return "true or false"
        if self.choices:
            return " or ".join(str(choice) for choice in self.choices)
        kind = "an integer" if isinstance(self.default, int) else "a number"
        low = "" if self.minimum is None else f" of at least {self.minimum:g}"
        high = "" if self.maximum is None else f" and at most {self.maximum:g}"
        return kind + low + high

    def check(self, value: object, *, model: str) -> OptionValue:
        """Return ``value`` in the option's type.

        Text is accepted for every type, as a command line gives it.

        Raises
        ------
        VitaccelError
            The value is not one of the legal values.
        """
        typed = self._typed(value)
        if typed is None or not self._in_range(typed):
            hint = did_you_mean(value, map(str, self.choices)) if isinstance(value, str) else ""
            raise VitaccelError(f"option {self.name} of {model} must be {self.legal}, not {value!r}{hint}")
        return typed

    def _typed(self, value: object) -> OptionValue | None:
        kind = type(self.default)
        if kind is bool:
            return value if isinstance(value, bool) else _WORDS.get(str(value).lower())
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        if kind is str:
            return value if isinstance(value, str) else None
        try:
            typed: OptionValue = kind(value)
        except (ValueError, OverflowError):
            return None
        return typed if isinstance(value, str) or typed == value else None

    def _in_range(self, value: OptionValue) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, bool | str):
            return True
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum)
