"""All C++ of a machine: the headers, what is generated beside them, and the project around them."""

from __future__ import annotations

from collections.abc import Mapping

from vitaccel.arch import Numerics
from vitaccel.backends.hls.instructions import INSTRUCTIONS, instructions_header
from vitaccel.backends.hls.machine import MACHINE, machine_header
from vitaccel_hls import INCLUDED, headers, project


def hls_headers() -> dict[str, str]:
    """Return the texts of all headers that do not depend on the machine, by the name that they are included by."""
    return headers() | {f"{INCLUDED}/{INSTRUCTIONS}": instructions_header()}


def hls_sources(parameters: Mapping[str, int], numerics: Numerics, *, kept_rows: int) -> dict[str, str]:
    """Return the texts of all files, by name.

    Parameters
    ----------
    parameters, numerics, kept_rows
        See :func:`vitaccel.backends.hls.machine.machine_header`.
    """
    machine = machine_header(parameters, numerics, kept_rows=kept_rows)
    return hls_headers() | project() | {MACHINE: machine}
