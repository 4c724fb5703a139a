"""``instructions.hpp``: the instruction set as C++, made of the tables of :mod:`vitaccel_rtl.accelerator.isa`."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from vitaccel_rtl.accelerator.control_map import ERRORS
from vitaccel_rtl.accelerator.isa import (
    ATTENTION_MODES,
    BUFFERS,
    COMPLETIONS,
    ENGINES,
    HEADER,
    HEADER_BYTES,
    LANE_FUNCTIONS,
    MAGIC,
    OPERATION,
    OPERATIONS,
    VERSION,
    WAITS,
    WORD_BITS,
    WORDS,
    Operation,
    Placed,
)

INSTRUCTIONS = "instructions.hpp"

LINE = 120

TEXT = """\
// The instruction set, bit by bit. Written by vitaccel gen-hls from the tables of the assembler; do not edit.
#pragma once

#include "vitaccel_hls/integers.hpp"

namespace vitaccel {{

constexpr uint32_t MAGIC = {magic:#010x};
constexpr uint32_t VERSION = {version};
constexpr int HEADER_WORDS = {header_words};
constexpr int INSTRUCTION_WORDS = {words};
constexpr int COMPLETION_BITS = {completion_bits};

// Words of a program's header.
{header}

// Engines, in the order of the waits.
{engines}

{operations}

// Where a transfer's words are on chip.
{buffers}

{functions}

{modes}

// What can be wrong with a program; the number is that of the error register.
{errors}

struct Instruction {{
    uint32_t word[INSTRUCTION_WORDS];

    UInt<{operation_bits}> operation() const {{ return word[0] & {operation_mask:#x}; }}

    // Instructions of an engine that must have completed.
    UInt<COMPLETION_BITS> wait(int engine) const {{ return word[{first_wait} + engine] & {wait_mask:#x}; }}
}};

// Which engine an operation belongs to; ENGINES if there is no such operation.
inline int engine_of(int operation) {{
    switch (operation) {{
{engine_cases}
        default:
            return ENGINES;
    }}
}}

{structures}
}}  // namespace vitaccel
"""


def instructions_header() -> str:
    """Return the text of ``instructions.hpp``; it is the same for every machine."""
    modes = (*(mode.upper() for mode in ATTENTION_MODES),)
    return TEXT.format(
        magic=MAGIC,
        version=VERSION,
        header_words=HEADER_BYTES * 8 // WORD_BITS,
        words=WORDS,
        completion_bits=COMPLETIONS,
        header=_enumeration("HeaderField", [f"HEADER_{each.name.upper()}" for each in HEADER], "HEADER_FIELDS"),
        engines=_enumeration("Engine", [f"{engine.upper()}_ENGINE" for engine in ENGINES], "ENGINES"),
        operations=_enumeration(
            "Operation", ["END_OF_PROGRAM = 0", *(f"{each.name.upper()} = {each.code}" for each in OPERATIONS.values())]
        ),
        buffers=_enumeration("BufferName", [name.upper() for name in BUFFERS]),
        functions=_enumeration("LaneFunction", [f"LANE_{name.upper()}" for name in LANE_FUNCTIONS]),
        modes=_enumeration("AttentionMode", [f"MODE_{mode}" for mode in modes]),
        errors=_enumeration("ErrorCode", [f"ERROR_{name.upper()}" for name in ERRORS]),
        operation_bits=OPERATION.bits,
        operation_mask=_mask(OPERATION.bits),
        first_wait=_first_wait(),
        wait_mask=_mask(COMPLETIONS),
        engine_cases="\n".join(
            f"        case {each.name.upper()}:\n            return {each.engine.upper()}_ENGINE;"
            for each in OPERATIONS.values()
        ),
        structures="\n".join(_structure(each) for each in OPERATIONS.values()),
    )


def _enumeration(name: str, members: Iterable[str], count: str = "") -> str:
    return _wrapped(f"enum {name} {{ {', '.join([*members, *([count] if count else [])])} }};")


def _wrapped(text: str, indent: str = "    ") -> str:
    return "\n".join(wrap(text, LINE, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def _mask(bits: int) -> int:
    return (1 << bits) - 1


def _first_wait() -> int:
    """The word of the first wait; the others follow it."""
    places = {placed.field.name: placed for placed in next(iter(OPERATIONS.values())).places}
    waits = [places[field.name] for field in WAITS]
    assert all((placed.word, placed.low) == (waits[0].word + n, 0) for n, placed in enumerate(waits))
    return waits[0].word


def _own(operation: Operation) -> list[Placed]:
    """Fields that an engine reads: its own, and whose rows they are."""
    others = {OPERATION.name, *(field.name for field in WAITS)}
    return [placed for placed in operation.places if placed.field.name not in others]


def _structure(operation: Operation) -> str:
    name = "".join(part.capitalize() for part in operation.name.split("_"))
    own = _own(operation)
    members = "\n".join(_member(each) for each in own)
    reads = "\n".join(f"    fields.{each.field.name} = {_read(each)};" for each in own)
    return (
        f"// {operation.summary}\nstruct {name} {{\n{members}\n}};\n\n"
        f"inline {name} decode_{operation.name}(const Instruction& instruction) {{\n"
        f"#pragma HLS inline\n    {name} fields;\n{reads}\n    return fields;\n}}\n"
    )


def _member(placed: Placed) -> str:
    summary = "\n".join(wrap(placed.field.summary, LINE, initial_indent="    // ", subsequent_indent="    // "))
    return f"{summary}\n    UInt<{placed.field.bits}> {placed.field.name};"


def _read(placed: Placed) -> str:
    word = f"instruction.word[{placed.word}]"
    shifted = f"{word} >> {placed.low}" if placed.low else word
    return shifted if placed.low + placed.field.bits == WORD_BITS else f"{shifted} & {_mask(placed.field.bits):#x}"
