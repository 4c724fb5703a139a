"""``--input-shape [NAME=]1x3x224x224``, the same for every command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from vitaccel.errors import ModelError

F = TypeVar("F", bound=Callable[..., Any])


def input_shape_option(function: F) -> F:
    """Add ``--input-shape``; the command gets ``shapes``, for :func:`parse_input_shapes`."""
    return click.option(
        "--input-shape", "shapes", metavar="[NAME=]SHAPE", multiple=True,
        help="Shape of an input whose file leaves it open, such as 1x3x224x224; may be repeated.",
    )(function)  # fmt: skip


def parse_input_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]] | None:
    """Return shapes by input name, ``""`` for the one without a name; ``None`` when nothing is given.

    Raises
    ------
    ModelError
        If a shape is not sizes with ``x`` (or commas) between them, or a name comes twice.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if not re.fullmatch(r"\d{1,9}([x,]\d{1,9})*", sizes):
            raise ModelError(f"--input-shape must be sizes such as 1x3x224x224 or image=1x3x224x224, not {text!r}")
        if name in shapes:
            raise ModelError(f"--input-shape must be given once for {f'input {name!r}' if name else 'the input'}")
        shapes[name] = tuple(int(size) for size in re.split("[x,]", sizes))
    return shapes or None
