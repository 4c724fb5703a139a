"""Verilator's coverage of lines and toggles, as figures and gaps."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

_POINT = re.compile(r"^C '(?P<key>.*)' (?P<count>\d+)$", re.MULTILINE)
_ESCAPED = re.compile(r"__0([0-9A-Fa-f]{2})")
"""How Verilator writes a character of a name that C++ has not in names."""

_BIT = re.compile(r"^(?P<name>.*?)(?:\[(?P<bit>\d+)\])?:(?P<edge>0->1|1->0)$")


@dataclass(frozen=True, kw_only=True)
class CodeCoverage:
    """What a run executed and moved.

    Parameters
    ----------
    lines_hit, lines
        Blocks and branches of code that ran, and all of them.
    toggles_hit, toggles
        Edges (0 to 1, 1 to 0) of bits that were seen, and all of them.
    gaps
        What was not: ``line 120``, or a module's bits with their edges.
    """

    lines_hit: int
    lines: int
    toggles_hit: int
    toggles: int
    gaps: tuple[str, ...]

    @property
    def line_share(self) -> float:
        """Share of lines that ran; 1 where there are none."""
        return self.lines_hit / self.lines if self.lines else 1.0

    @property
    def toggle_share(self) -> float:
        """Share of edges that were seen; 1 where there are none."""
        return self.toggles_hit / self.toggles if self.toggles else 1.0


def read_code_coverage(text: str) -> CodeCoverage:
    """Return the figures of a ``coverage.dat``.

    Instances of one module count together: an edge is seen if one of them saw it.

    Raises
    ------
    ValueError
        If it is no coverage of Verilator.
    """
    if not text.startswith("# SystemC::Coverage"):
        raise ValueError(f"coverage must begin with '# SystemC::Coverage', not {text[:20]!r}")
    lines: dict[tuple[str, ...], int] = defaultdict(int)
    toggles: dict[tuple[str, ...], int] = defaultdict(int)
    for point in _POINT.finditer(text):
        key = dict(part.split("\x02", 1) for part in point["key"].split("\x01") if part)
        place = (key["page"].partition("/")[2], key.get("l", ""), key.get("o", ""))
        (toggles if key["t"] == "toggle" else lines)[place] += int(point["count"])
    return CodeCoverage(
        lines_hit=sum(count > 0 for count in lines.values()),
        lines=len(lines),
        toggles_hit=sum(count > 0 for count in toggles.values()),
        toggles=len(toggles),
        gaps=(*_line_gaps(lines), *_toggle_gaps(toggles)),
    )


def _line_gaps(lines: dict[tuple[str, ...], int]) -> list[str]:
    return sorted(f"{module} line {line}: {what}" for (module, line, what), count in lines.items() if not count)


def _toggle_gaps(toggles: dict[tuple[str, ...], int]) -> list[str]:
    """Bits that lack an edge, a signal of a module each, runs of bits joined."""
    missing: dict[str, set[int]] = defaultdict(set)
    for (module, _, what), count in toggles.items():
        found = _BIT.match(what)
        if found is None:
            raise ValueError(f"a toggle must be of a bit, not {what!r}")
        if not count:
            missing[f"{module} {_plain(found['name'])}"].add(int(found["bit"] or 0))
    return [f"{name}[{_runs(bits)}]" for name, bits in sorted(missing.items())]


def _plain(name: str) -> str:
    return _ESCAPED.sub(lambda character: chr(int(character[1], 16)), name)


def _runs(bits: set[int]) -> str:
    """Return numbers as runs: ``7:4, 1``."""
    runs: list[list[int]] = []
    for bit in sorted(bits, reverse=True):
        if runs and runs[-1][1] == bit + 1:
            runs[-1][1] = bit
        else:
            runs.append([bit, bit])
    return ", ".join(str(high) if high == low else f"{high}:{low}" for high, low in runs)
