"""Machine descriptions: frozen, validated, read from presets, TOML files and ``--set key=value``.

One record, :class:`Arch`, holds every number about a machine that a pass or a cost model may read. Widths are in bits,
sizes in bytes, times in clock cycles unless the name says otherwise.
"""

from vitaccel.arch.load import from_mapping, load_arch, load_preset, preset_names
from vitaccel.arch.machine import Arch
from vitaccel.arch.parts import (
    NO_DEVICE,
    PARAMETER_BYTES,
    Buffers,
    Energy,
    Limits,
    Memory,
    Numerics,
    PeArrays,
    Routing,
)
from vitaccel.arch.settings import parse_pe

__all__ = [
    "NO_DEVICE",
    "PARAMETER_BYTES",
    "Arch",
    "Buffers",
    "Energy",
    "Limits",
    "Memory",
    "Numerics",
    "PeArrays",
    "Routing",
    "from_mapping",
    "load_arch",
    "load_preset",
    "parse_pe",
    "preset_names",
]
