"""A block as Verilog with a name that says what was chosen: what ``vitaccel gen-rtl --block`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitaccel.backends.rtl.block import Block
from vitaccel.backends.rtl.catalog import block as block_of
from vitaccel.errors import BlockError
from vitaccel_rtl.verilog import Verilog, to_verilog

SIZES = ("lanes", "side")
"""Options that say P."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A block that was generated.

    Parameters
    ----------
    block
        Which.
    options
        All of its options.
    component
        The ``amaranth.lib.wiring.Component`` that the Verilog was made of.
    verilog
        Its top module is called as :func:`module_name` says.
    """

    block: Block
    options: Mapping[str, int]
    component: Any
    verilog: Verilog

    @property
    def name(self) -> str:
        """Of the top module."""
        return str(self.verilog.name)


def generate(name: str, given: Mapping[str, int], *, lanes: int | None = None) -> Generated:
    """Return a block of the library as Verilog, byte for byte the same every time.

    Parameters
    ----------
    name
        Of the block.
    given
        Options; those left out have their defaults.
    lanes
        P, whatever the block's option for it is called.

    Raises
    ------
    BlockError
        If there is no such block, an option does not exist or may not have its value, or P is given twice or to a
        block that has none.
    """
    block = block_of(name)
    options = block.choose({**given, **_size(block, given, lanes)})
    component = block.component(**options)
    said = {option.name: f"{options[option.name]}: {option.summary}" for option in block.options}
    verilog = to_verilog(component, name=module_name(block, options), options=said)
    return Generated(block=block, options=options, component=component, verilog=verilog)


def module_name(block: Block, options: Mapping[str, int]) -> str:
    """Return ``softmax_lanes16``: the block, its first option, and others where they are not the default."""
    named = [
        f"{option.name}{options[option.name]}"
        for place, option in enumerate(block.options)
        if place == 0 or options[option.name] != option.default
    ]
    return "_".join([block.name.replace("-", "_"), *named])


def _size(block: Block, given: Mapping[str, int], lanes: int | None) -> dict[str, int]:
    if lanes is None:
        return {}
    for option in block.options:
        if option.name in SIZES:
            if option.name in given:
                raise BlockError(f"{option.name} must be given once, by --lanes or by --set, not by both")
            return {option.name: lanes}
    names = ", ".join(option.name for option in block.options)
    raise BlockError(f"block {block.name} must be given one of its options by --set ({names}), not --lanes")
