"""Verilator's coverage of lines and toggles, as figures and gaps."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    missed
        Lines that did not run, by their module: ``lane line 120: else``.
    still
        Bits that lack an edge, by their module: ``lane o__payload.last[0]``. A signal whose fields are signals of
        their own is not listed, for its bits are theirs.
    """

    lines_hit: int
    lines: int
    toggles_hit: int
    toggles: int
    missed: tuple[str, ...]
    still: tuple[str, ...]

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
        missed=tuple(sorted(_missed(lines))),
        still=tuple(_still(toggles)),
    )


def joined(bits: Iterable[str]) -> list[str]:
    """Return bits such as ``lane sum[3]`` with those of one signal together: ``lane sum[7:3, 0]``."""
    signals: dict[str, set[int]] = defaultdict(set)
    for bit in bits:
        name, _, place = bit.removesuffix("]").rpartition("[")
        signals[name].add(int(place))
    return [f"{name}[{_runs(places)}]" for name, places in sorted(signals.items())]


def _missed(lines: dict[tuple[str, ...], int]) -> Iterator[str]:
    return (f"{module} line {line}: {what}" for (module, line, what), count in lines.items() if not count)


def _still(toggles: dict[tuple[str, ...], int]) -> Iterator[str]:
    """Yield the bits that lack an edge, signal by signal."""
    lacking: dict[str, set[int]] = defaultdict(set)
    names = set()
    for (module, _, what), count in toggles.items():
        found = _BIT.match(what)
        if found is None:
            raise ValueError(f"a toggle must be of a bit, not {what!r}")
        name = f"{module} {_plain(found['name'])}"
        names.add(name)
        if not count:
            lacking[name].add(int(found["bit"] or 0))
    wholes = {name[:at] for name in names for at in range(len(name)) if name[at] in ".["}
    for name, bits in sorted(lacking.items()):
        if name not in wholes:
            yield from (f"{name}[{bit}]" for bit in sorted(bits, reverse=True))


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
