"""Components side by side under one clock: one build and one simulation for all parameter points of a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped


class Group(wiring.Component):
    """The ports of every part, with its name and two underscores before theirs: ``p0__i__payload``.

    Parameters
    ----------
    parts
        Components by name.
    """

    def __init__(self, parts: Mapping[str, wiring.Component]) -> None:
        self._parts = dict(parts)
        super().__init__({name: Out(part.signature) for name, part in self._parts.items()})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name, part in self._parts.items():
            m.submodules[name] = part
            connect(m, flipped(getattr(self, name)), part)
        return m
