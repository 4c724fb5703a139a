"""The registers of an accelerator, as its host sees them. Pure Python."""

from __future__ import annotations

from vitaccel_rtl.accelerator.isa import ENGINES, HEADER, MAGIC
from vitaccel_rtl.register_map import Field, Register

START, STOP = 0, 1
"""Bits of `control`."""

DONE, ERROR = 0, 1
"""Bits of `interrupt_enable` and `interrupt_pending`."""

ERRORS = ("none", "magic", "version", "machine", "length", "fetch", "operation", "load", "store")
"""What can be wrong with a run, in the order of the numbers of the error code.

``magic``: the program does not begin with it. ``version``: it is for another instruction set. ``machine``: a parameter
of the machine differs. ``length``: it has more instructions than a machine can run. ``operation``: an instruction is of
a kind that there is not. ``fetch``, ``load``, ``store``: a beat or a burst of the program, of the load engine, of the
store engine was answered SLVERR or DECERR.
"""

ERROR_BITS = (len(ERRORS) - 1).bit_length()

COUNTERS = {
    "completed": "instructions that the {} engine has completed",
    "busy": "cycles in which an instruction was in the {} engine",
    "waiting": "cycles in which none was, and one stood before the {} engine",
    "idle": "cycles in which none was, and none stood before the {} engine",
}
"""Of every engine. In every cycle of a run an engine is busy, waiting or idle."""

PARAMETERS = tuple(field for field in HEADER if field.name not in ("magic", "version", "instructions"))
"""What a program and its machine must agree on, beside the version."""

_CAUSES = ", ".join(f"{number}: {name}" for number, name in enumerate(ERRORS))

_INTERRUPTS = (
    Field(name="done", low=DONE, summary="a run has ended, all of its instructions completed"),
    Field(name="error", low=ERROR, summary="an error was found, and nothing is started any more"),
)

_STATUS = (
    Field(name="busy", low=0, summary="a program is running, or what it started is being completed"),
    Field(name="done", low=1, summary="the last run has ended, all of its instructions completed"),
    Field(name="error", low=4, bits=ERROR_BITS, summary=_CAUSES),
    Field(name="engines", low=8, bits=len(ENGINES), summary=f"a bit each: instructions are in {', '.join(ENGINES)}"),
)


def error_code(name: str) -> int:
    """Return the number of an error of :data:`ERRORS`."""
    return ERRORS.index(name)


def machine_registers() -> tuple[Register, ...]:
    """Return the map of an accelerator, which is the same for all of them."""
    return (*_controls(), *_counters(), *_parameters())


def _controls() -> tuple[Register, ...]:
    begin = Field(name="start", low=START, summary="run the program; nothing happens while a run is under way")
    stop = Field(
        name="stop", low=STOP, summary="start no instruction any more and forget the rest; errors are forgotten"
    )
    return (
        _read_only("identity", 0x00, f"{MAGIC:#010x}, VITA as bytes"),
        _read_only("version", 0x04, "of the instruction set"),
        Register(name="control", address=0x08, access="write-pulse", bits=2, fields=(begin, stop), summary="commands"),
        Register(name="status", address=0x0C, access="read-only", bits=12, fields=_STATUS, summary="of the run"),
        Register(name="program", address=0x10, summary="byte address of the program, a multiple of 64"),
        Register(name="interrupt_enable", address=0x14, bits=2, fields=_INTERRUPTS, summary="which ones interrupt"),
        Register(
            name="interrupt_pending",
            address=0x18,
            access="write-1-to-clear",
            bits=2,
            fields=_INTERRUPTS,
            summary="what has happened",
        ),
        _read_only("instructions", 0x1C, "of the program, from its header", bits=20),
        _read_only("cycles_low", 0x20, "cycles of the run so far, or of the last one"),
        _read_only("cycles_high", 0x24, "their higher 32 bits"),
    )


def _counters() -> tuple[Register, ...]:
    return tuple(
        _read_only(f"{kind}_{engine}", 0x40 + 0x10 * row + 4 * place, meaning.format(engine))
        for row, (kind, meaning) in enumerate(COUNTERS.items())
        for place, engine in enumerate(ENGINES)
    )


def _parameters() -> tuple[Register, ...]:
    return tuple(_read_only(field.name, 0x80 + 4 * place, field.summary) for place, field in enumerate(PARAMETERS))


def _read_only(name: str, address: int, summary: str, *, bits: int = 32) -> Register:
    return Register(name=name, address=address, access="read-only", bits=bits, summary=summary)
