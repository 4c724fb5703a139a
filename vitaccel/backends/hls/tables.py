"""Tables of the reference's specs as C++ types: what headers that take a ``POWERS`` or a ``TABLE`` are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vitaccel.reference.exp2 import Exp2, Exp2Linear
from vitaccel.reference.gelu import WideGelu
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel.reference.rsqrt import Rsqrt

ENTRIES_A_LINE = 12


def powers_type(name: str, spec: Exp2 | Exp2Linear) -> str:
    """Return the ``POWERS`` of ``exp2.hpp``."""
    if isinstance(spec, Exp2):
        constants = {"FRACTION_BITS": spec.fraction_bits, "HAS_LINES": 0}
        return _type(name, constants, {"MANTISSAS": spec.mantissas})
    bases, slopes = zip(*spec.lines, strict=True)
    constants = {"FRACTION_BITS": spec.fraction_bits, "HAS_LINES": 1, "SEGMENTS": spec.segments}
    return _type(name, constants, {"BASES": bases, "SLOPES": slopes})


def reciprocal_type(name: str, spec: Reciprocal) -> str:
    """Return the ``TABLE`` of ``reciprocal.hpp``."""
    return _newton_type(name, spec)


def rsqrt_type(name: str, spec: Rsqrt) -> str:
    """Return the ``TABLE`` of ``rsqrt.hpp``."""
    return _newton_type(name, spec)


def gelu_type(name: str, spec: WideGelu) -> str:
    """Return the ``TABLE`` of ``gelu.hpp``."""
    fields = {"BITS": spec.bits, "FRACTION": spec.fraction, "STEP_BITS": spec.step_bits, "SEGMENTS": spec.segments}
    return _type(name, fields, {"KNOTS": spec.table})


def _newton_type(name: str, spec: Reciprocal | Rsqrt) -> str:
    constants = {"INDEX_BITS": spec.index_bits, "ENTRY_BITS": spec.entry_bits, "CENTRE": spec.centre}
    return _type(name, constants, {"ENTRIES": spec.table})


def _type(name: str, constants: Mapping[str, int], arrays: Mapping[str, Sequence[int]]) -> str:
    lines = [f"struct {name} {{"]
    lines += [f"    static constexpr int {constant} = {value};" for constant, value in constants.items()]
    for array, entries in arrays.items():
        lines.append(f"    static constexpr int32_t {array}[{len(entries)}] = {{")
        lines += [f"        {line}," for line in _wrapped(entries)]
        lines.append("    };")
    return "\n".join([*lines, "};"]) + "\n"


def _wrapped(entries: Sequence[int]) -> Iterable[str]:
    for first in range(0, len(entries), ENTRIES_A_LINE):
        yield ", ".join(map(str, entries[first : first + ENTRIES_A_LINE]))
