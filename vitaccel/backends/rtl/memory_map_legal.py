"""Whether a memory map is one that a machine can have: kinds of its values, and places that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from vitaccel.errors import VitaccelError
from vitaccel.ir.tensor import CHANNEL, TOKEN
from vitaccel_rtl.accelerator.parts import MOST_PARTS

LAYOUTS = (TOKEN, CHANNEL)
KINDS = ("input", "output", "activation")

MOST_BYTES = 1 << 32
"""Of the memory: addresses have 32 bits."""

NATURAL = ("count", "words", "side", "memory_bytes", "pes", "arrays", "frames", "tokens", "channels")
"""Numbers that are 1 or more."""

SIGNED = ("instruction", "dram")
"""Numbers that may be -1: of an input, and of a tensor that is never there."""


def check_memory_map(found: Any) -> None:
    """Refuse a :class:`vitaccel.backends.rtl.memory_map.MemoryMap` that no machine has.

    Raises
    ------
    VitaccelError
        If a value is of another kind, or a place is not in the memory.
    """
    where = "a memory map"
    _check_values(found, where)
    _need(found.arrays <= MOST_PARTS, f"arrays of {where} must be {MOST_PARTS} or fewer, not {found.arrays}")
    _need(found.memory_bytes <= MOST_BYTES, f"memory_bytes of {where} must be {MOST_BYTES} or less")
    for name in ("program", "weights"):
        _check_place(getattr(found, name), getattr(found, f"{name}_bytes"), found.memory_bytes, f"{name} of {where}")
    for entry in found.tensors:
        _check_tensor(entry, found.memory_bytes)
    known = [entry.name for entry in found.tensors]
    _need(len({*known}) == len(known), f"tensors of {where} must each be there once")
    for key in ("inputs", "outputs"):
        for name in getattr(found, key):
            _need(name in known, f"{key} of {where} must be among its tensors, not {name!r}")
            entry = found.tensors[known.index(name)]
            _need(entry.dram >= 0, f"{key} of {where} must be in the memory, and {name!r} is not")
    for label, count in found.layers:
        _need(isinstance(label, str) and _is_number(count), f"layers of {where} must be labels and instructions")


def _check_tensor(entry: Any, memory_bytes: int) -> None:
    where = f"tensor {entry.name!r} of a memory map"
    _check_values(entry, where)
    for name, known in (("layout", LAYOUTS), ("kind", KINDS), ("element_bytes", (1, 2))):
        value = getattr(entry, name)
        _need(value in known, f"{name} of {where} must be {' or '.join(map(str, known))}, not {value!r}")
    _need(
        len(entry.completed) == 4 and all(_is_number(count) for count in entry.completed),
        f"completed of {where} must be four numbers of instructions, not {entry.completed!r}",
    )
    if entry.dram >= 0:
        _check_place(entry.dram, entry.dram_bytes, memory_bytes, where)
    if entry.runs is not None:
        _check_values(entry.runs, f"runs of {where}")


def _check_values(found: Any, where: str) -> None:
    """Numbers must be numbers, texts texts; what is neither is looked at by itself."""
    for name, kind in _kinds(found):
        value = getattr(found, name)
        if kind == "str":
            _need(isinstance(value, str), f"{name} of {where} must be a text, not {value!r}")
        if kind == "int":
            least = 1 if name in NATURAL else -1 if name in SIGNED else 0
            right = isinstance(value, int) and not isinstance(value, bool) and value >= least
            _need(right, f"{name} of {where} must be a number of {least} or more, not {value!r}")


def _kinds(found: Any) -> Iterator[tuple[str, str]]:
    for each in fields(found):
        yield each.name, each.type if isinstance(each.type, str) else each.type.__name__


def _check_place(address: int, size: int, memory_bytes: int, where: str) -> None:
    _need(
        address + size <= memory_bytes,
        f"{where} must be in the {memory_bytes} bytes of the memory, not at {address} with {size} bytes",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _need(is_right: bool, sentence: str) -> None:
    if not is_right:
        raise VitaccelError(sentence)
