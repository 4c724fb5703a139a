"""Flags of ``vitaccel synth``: those that clash, that would do nothing, or that are no numbers of their kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vitaccel.errors import VitaccelError, did_you_mean

if TYPE_CHECKING:
    from vitaccel_rtl.verilog import Verilog

MOST_MHZ = 1000.0
"""No FPGA has a clock above that; far above it nextpnr ends without a word."""


def seeds_in(text: str | None) -> tuple[int, ...]:
    """Return the seeds of ``1,2,3``; none for ``0``, and 1 if nothing is said.

    Raises
    ------
    VitaccelError
        If it is no list of positive integers that a placer takes.
    """
    from vitaccel_rtl.synthesis.seeds import LAST

    text = "1" if text is None else text
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words) or (len(words) > 1 and "0" in words):
        raise VitaccelError(f"--seeds must be numbers such as 1,2,3, or 0 for none, not {text!r}")
    # Digits are counted first: Python refuses to read thousands of them.
    if large := [word for word in words if len(word.lstrip("0")) > len(str(LAST)) or int(word) > LAST]:
        raise VitaccelError(f"--seeds must be {LAST} at most, not {large[0]}")
    return tuple(dict.fromkeys(int(word) for word in words if int(word)))


def check_flags(flags: Mapping[str, Any]) -> None:
    """Refuse flags that cannot be together, and those that do nothing beside the others.

    Parameters
    ----------
    flags
        Of the command, by parameter; ``None`` for those that were not given.

    Raises
    ------
    VitaccelError
        One sentence that names a flag.
    """
    frequency = flags["frequency"]
    if frequency is not None and not 1 <= frequency <= MOST_MHZ:  # NaN is neither
        raise VitaccelError(f"--frequency must be 1 to {MOST_MHZ:g} MHz, not {frequency}")
    if flags["by_blocks"]:
        _check_by_blocks(flags)
    if flags["board"] is not None:
        return  # its system is placed, and its clock follows from the frequency whether it is placed or not
    _check_target(flags)
    if frequency is not None and not seeds_in(flags["seeds"]):
        raise VitaccelError("--frequency must come with a seed or with --board: with --seeds 0 nothing is placed")


def _check_by_blocks(flags: Mapping[str, Any]) -> None:
    """Refuse what cannot be with ``--by-blocks``: a board, rows of products of LUTs, or another target."""
    from vitaccel_rtl.synthesis.out_of_context import TARGETS

    for flag, value in (("--board", flags["board"]), ("--logic-rows", flags["logic_rows"])):
        if value is not None:
            raise VitaccelError(f"--by-blocks must come without {flag}: it is for {' and '.join(TARGETS)}")
    if flags["target"] not in TARGETS:
        target = flags["target"] or "ecp5-85k, the default"
        raise VitaccelError(f"--target must be {' or '.join(TARGETS)} with --by-blocks, not {target}")


def _check_target(flags: Mapping[str, Any]) -> None:
    """Refuse a target that is none, and flags of place-and-route or of ECP5 for one that has only an area."""
    from vitaccel_rtl.synthesis.devices import DEVICES

    target = flags["target"] or next(iter(DEVICES))
    if target not in DEVICES:
        known = ", ".join(DEVICES)
        raise VitaccelError(f"--target must be one of {known}, not {target!r}{did_you_mean(target, DEVICES)}")
    routed = ", ".join(name for name, device in DEVICES.items() if device.is_routed)
    is_seeded = flags["seeds"] is not None and bool(seeds_in(flags["seeds"]))
    for flag, is_given in (("--seeds", is_seeded), ("--frequency", flags["frequency"] is not None)):
        if is_given and not DEVICES[target].is_routed:
            raise VitaccelError(f"{flag} must come with a target that is placed and routed, {routed}, not {target}")
    ecp5 = ", ".join(name for name, device in DEVICES.items() if device.family == "ecp5")
    if flags["logic_rows"] is not None and DEVICES[target].family != "ecp5":
        raise VitaccelError(f"--logic-rows must come with a target of the family ECP5, {ecp5}, not {target}")


def check_rows(logic_rows: int | None, design: Verilog) -> None:
    """Refuse more rows of products of LUTs than the array of a design has.

    Raises
    ------
    VitaccelError
        If there are not so many.
    """
    from vitaccel_rtl.synthesis.synthesized import rows_of

    rows = rows_of(design)
    if logic_rows is not None and logic_rows > rows:
        raise VitaccelError(f"--logic-rows must be {rows} at most, the rows of {design.name}'s array, not {logic_rows}")
