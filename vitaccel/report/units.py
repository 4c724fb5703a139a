"""Numbers as people read them: three significant digits and an SI prefix."""

from __future__ import annotations

_PREFIXES = (
    (1e-12, "p"),
    (1e-9, "n"),
    (1e-6, "µ"),
    (1e-3, "m"),
    (1.0, ""),
    (1e3, "k"),
    (1e6, "M"),
    (1e9, "G"),
    (1e12, "T"),
)
_BINARY = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def si(value: float, unit: str = "") -> str:
    """Return *value* with the SI prefix that leaves 1 to 999 before it: ``si(0.00519, "s")`` is ``5.19 ms``."""
    if value == 0:
        return f"0 {unit}".rstrip()
    scale, prefix = _PREFIXES[0]
    for larger, letter in _PREFIXES:
        # 999.5 prints as 1000 with three digits, so it belongs to the next prefix.
        if abs(value) >= larger * 0.9995:
            scale, prefix = larger, letter
    scaled = value / scale
    digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
    return f"{scaled:.{digits}f} {prefix.strip()}{unit}".rstrip()


def rate(value: float) -> str:
    """Return a number a second without a prefix: ``1,339.0``, and below 100 three significant digits."""
    if value == 0 or value >= 9.995:
        return f"{value:,.1f}"
    return f"{value:.2f}" if value >= 0.9995 else f"{value:.3g}"


def binary_bytes(value: int) -> str:
    """Return a memory size in KiB, MiB or GiB: ``binary_bytes(1536)`` is ``1.5 KiB``."""
    for scale, unit in _BINARY:
        if value >= scale:
            return f"{value / scale:.4g} {unit}"
    return f"{value} B"


def percent(part: float, digits: int = 1) -> str:
    """Return a share of one as a percentage; a share that is not zero never prints as zero."""
    text = f"{100 * part:.{digits}f}"
    if part > 0 and float(text) == 0:
        return f"<{10**-digits:.{digits}f}%"
    return f"{text}%"


def ratio(value: float, reference: float) -> str:
    """Return *value* as a multiple of *reference*: ``1.52x``, or nothing when there is no multiple."""
    if reference == 0:
        return ""
    multiple = value / reference
    return f"{multiple:.2f}x" if multiple >= 0.01 or multiple == 0 else f"{multiple:.1g}x"


def shape(sizes: tuple[int, ...]) -> str:
    """Return a tensor shape as it is typed: ``1x3x224x224``."""
    return "x".join(map(str, sizes)) if sizes else "scalar"
