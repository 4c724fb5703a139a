"""The instruction set: fields of every macro-instruction, and how they lie in its 128 bytes.

Pure Python, and the only place: the assembler, the disassembler, the decoders in gateware and ``docs/isa.md`` are made
from these tables.

An instruction is 32 words of 32 bits, the least significant byte first. Word 0 holds the operation and the expert,
words 1 to 4 the waits; what follows depends on the operation. Fields fill words from their lowest bit up and never
cross from one word to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from vitaccel_rtl.accelerator.compute_fields import ATTENTION_FIELDS, MATMUL_FIELDS
from vitaccel_rtl.accelerator.compute_fields import ATTENTION_MODES as ATTENTION_MODES
from vitaccel_rtl.accelerator.instruction_fields import COMPLETIONS as COMPLETIONS
from vitaccel_rtl.accelerator.instruction_fields import COUNT as COUNT
from vitaccel_rtl.accelerator.instruction_fields import DRAM_ADDRESS as DRAM_ADDRESS
from vitaccel_rtl.accelerator.instruction_fields import FRAMES as FRAMES
from vitaccel_rtl.accelerator.instruction_fields import STEP as STEP
from vitaccel_rtl.accelerator.instruction_fields import WORD_ADDRESS as WORD_ADDRESS
from vitaccel_rtl.accelerator.instruction_fields import Field, address, count, flag, frames, step

VERSION = 3
INSTRUCTION_BYTES = 128
WORD_BITS = 32
WORDS = INSTRUCTION_BYTES * 8 // WORD_BITS

ENGINES = ("load", "compute", "vector", "store")
"""In the order of the waits."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A field and its place: bits ``low`` to ``low + bits - 1`` of a word."""

    field: Field
    word: int
    low: int


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A kind of macro-instruction.

    Parameters
    ----------
    name, code
        Mnemonic, and the number in word 0.
    engine
        One of :data:`ENGINES`.
    summary
        What it does.
    fields
        Its own fields, in the order in which they fill words 5 and up.
    """

    name: str
    code: int
    engine: str
    summary: str
    fields: tuple[Field, ...]

    @cached_property
    def places(self) -> tuple[Placed, ...]:
        """All fields, the common ones first, with their places.

        Raises
        ------
        ValueError
            If they do not fit the instruction.
        """
        placed = [Placed(field=field, word=word, low=low) for field, word, low in COMMON_PLACES]
        word, low = FIRST_OWN_WORD, 0
        for field in self.fields:
            if low + field.bits > WORD_BITS:
                word, low = word + 1, 0
            placed.append(Placed(field=field, word=word, low=low))
            low += field.bits
        if word >= WORDS:
            raise ValueError(f"fields of {self.name} must fit {WORDS} words, not take {word + 1}")
        return tuple(placed)

    def encode(self, values: Mapping[str, int]) -> tuple[int, ...]:
        """The words of an instruction; fields that are not given are 0.

        Raises
        ------
        ValueError
            If there is no such field, or a number does not fit its field.
        """
        known = {placed.field.name: placed for placed in self.places}
        words = [0] * WORDS
        for name, value in {**values, "operation": self.code}.items():
            if name not in known:
                raise ValueError(f"field of {self.name} must be one of {', '.join(known)}, not {name!r}")
            placed = known[name]
            if not 0 <= value < 1 << placed.field.bits:
                most = (1 << placed.field.bits) - 1
                raise ValueError(f"{name} of {self.name} must be 0 to {most}, not {value}")
            words[placed.word] |= value << placed.low
        return tuple(words)

    def decode(self, words: tuple[int, ...]) -> dict[str, int]:
        """The fields of an instruction's words, ``operation`` excepted: what :meth:`encode` was given."""
        return {
            placed.field.name: words[placed.word] >> placed.low & ((1 << placed.field.bits) - 1)
            for placed in self.places
            if placed.field.name != "operation"
        }


OPERATION = Field(name="operation", bits=8, summary="which operation this is")
EXPERT = Field(name="expert", bits=8, summary="slot of the expert whose queue gives the rows")
HAS_EXPERT = flag("has_expert", "whether the rows are an expert's")
WAITS = tuple(
    Field(name=f"wait_{engine}", bits=COMPLETIONS, summary=f"instructions of {engine} that must have completed")
    for engine in ENGINES
)
COMMON_PLACES = (
    (OPERATION, 0, 0),
    (EXPERT, 0, 8),
    (HAS_EXPERT, 0, 16),
    *((field, 1 + place, 0) for place, field in enumerate(WAITS)),
)
FIRST_OWN_WORD = 1 + len(ENGINES)

BUFFERS = ("activation", "weight", "parameter", "table")
"""Where a transfer's words are on chip, in the order of the numbers of the field ``buffer``."""

_TRANSFER = (
    Field(name="dram", bits=DRAM_ADDRESS, summary="byte address of the first row"),
    Field(name="buffer", bits=2, summary=f"{', '.join(f'{n}: {name}' for n, name in enumerate(BUFFERS))}"),
    address("address", "of the first word; of parameters the first set, of a table its slot"),
    count("rows", "runs of bytes"),
    Field(name="row_bytes", bits=24, summary="bytes of a run"),
    Field(name="stride_bytes", bits=24, summary="bytes from a run to the next in DRAM"),
    step("step", "words from a run to the next on chip"),
    count("row_words", "words of a run"),
    Field(name="expert_stride", bits=24, summary="bytes from an expert's weights to the next one's"),
    flag("by_tiles", "with several arrays: a tile stands in one part, else a row in all of them"),
    flag("is_wide", "a tile is two runs, low bytes and high bytes, else one"),
)

FRAME_OF_TURN = 5
"""Bits of the frame of 8 words in a turn of tiles that a row-block begins in."""

LANE_FUNCTIONS = ("copy", "zero", "layernorm", "convert", "add", "mul", "activation", "head_mean")
"""In the order of the numbers of the field ``function``."""

LOAD = Operation(name="load", code=1, engine="load", summary="DRAM to a buffer", fields=_TRANSFER)
STORE = Operation(name="store", code=2, engine="store", summary="a buffer to DRAM", fields=_TRANSFER)

MATMUL = Operation(
    name="matmul",
    code=3,
    engine="compute",
    summary="row_blocks x n_tiles tiles of depth words, tiles outermost",
    fields=MATMUL_FIELDS,
)

ATTENTION = Operation(
    name="attention",
    code=4,
    engine="compute",
    summary="fused attention: logits of a row-block and a head, its softmax statistics, values; software-pipelined",
    fields=ATTENTION_FIELDS,
)

LANE = Operation(
    name="lane",
    code=5,
    engine="vector",
    summary="a stream of row_blocks x channels words through the lanes",
    fields=(
        Field(name="function", bits=4, summary=", ".join(f"{n}: {name}" for n, name in enumerate(LANE_FUNCTIONS))),
        flag("a_is_wide", "operands are int16, else int8"),
        flag("is_wide", "the result is int16, else int8"),
        flag("by_rows", "the result is channel-lane"),
        flag("has_b", "there is a second operand"),
        Field(name="table", bits=1, summary="slot of the activation table"),
        Field(name="shift", bits=6, summary="lanes by which tokens move down"),
        flag("moves_up", "they move up instead"),
        count("row_blocks", "row-blocks"),
        count("channels", "words of a row-block"),
        count("last_rows", "tokens of the last row-block, 1 to P"),
        count("tokens", "tokens, when they move"),
        count("tiles", "tiles of P channels"),
        address("a", "first operand"),
        step("a_step", "words to the next row-block"),
        step("a_plane", "words from low bytes to high bytes"),
        address("b", "second operand"),
        step("b_step", "words to the next row-block"),
        step("b_plane", "words from low bytes to high bytes"),
        address("out", "the result"),
        step("out_step", "words to the next row-block; by rows, what P tokens take"),
        step("out_tile_step", "by rows: words to the next tile of channels"),
        step("out_plane", "words from low bytes to high bytes"),
        address("sets", "first parameter set"),
        frames("interval", "from a row-block to the next (of a pass)"),
        frames("scale", "from the last moments of a row-block to its normalization, at least"),
        frames("result", "from the last row-block to its result being there"),
        Field(name="b_frame", bits=FRAME_OF_TURN, summary="frames of its turn that are before the second operand"),
        Field(name="out_frame", bits=FRAME_OF_TURN, summary="frames of its turn that are before the result"),
        flag("has_moments", "of a LayerNorm: its rows' moments were taken as they drained, and it streams rows once"),
        count("moments", "place of the first row-block's moments"),
    ),
)

MOST_EXPERTS, MOST_CHOICES, MOST_TOKENS = 32, 4, 2048
"""Of a route: its experts, the choices of a token, its tokens and the lanes of its row-blocks."""

ROUTE = Operation(
    name="route",
    code=6,
    engine="vector",
    summary="the queues of all experts, from router logits, int16",
    fields=(
        address("logits", "first word of the logits"),
        step("logits_step", "words from a row-block to the next"),
        step("logits_plane", "words from low bytes to high bytes"),
        count("row_blocks", "row-blocks"),
        count("tokens", "tokens"),
        count("frame_tokens", "tokens of a frame, each of which begins a row-block; all of them in a part of one"),
        Field(name="experts", bits=8, summary="experts, words of a row-block"),
        Field(name="choices", bits=4, summary="choices of a token, k"),
        count("capacity", "entries that a queue holds, 0 for all"),
        flag("by_choice", "all first choices are queued before any second, else a token with all its choices"),
        flag("over_chosen", "the softmax of the scores is over the chosen experts, else over all"),
        frames("interval", "from a row-block to the next"),
    ),
)

GATHER = Operation(
    name="gather",
    code=7,
    engine="vector",
    summary="an expert's tokens, from channel-lane rows of int8 into token-lane row-blocks",
    fields=(
        address("a", "the first routed token"),
        step("a_step", "words to the next tile of channels"),
        count("tiles", "tiles of P channels"),
        count("last_channels", "channels of the last of them, 1 to P"),
        address("out", "the result"),
        step("out_step", "words to the next row-block"),
    ),
)

SCATTER_ADD = Operation(
    name="scatter_add",
    code=8,
    engine="vector",
    summary="an expert's results, int16, times their gate scores, added where their tokens are: an entry at a time",
    fields=(
        address("a", "the expert's results"),
        step("a_step", "words to the next row-block"),
        step("a_plane", "words from low bytes to high bytes"),
        count("channels", "words of a row-block"),
        address("out", "the row-block of the first routed token"),
        step("out_step", "words to the next row-block"),
        step("out_plane", "words from low bytes to high bytes"),
        address("sets", "the parameter set: multiplier and shift"),
        frames("interval", "from an entry to the next"),
    ),
)

OPERATIONS = {
    operation.name: operation for operation in (LOAD, STORE, MATMUL, ATTENTION, LANE, ROUTE, GATHER, SCATTER_ADD)
}
BY_CODE = {operation.code: operation for operation in OPERATIONS.values()}

FEATURES = ("experts", "kept_logits", "moments")
"""Parts that a machine may have or lack, in the order of their bits in ``features``.

``experts``: routes, gathers, scatter-adds, and matmuls whose rows are a queue's. ``kept_logits``: attention that keeps
its logits, and attention that uses them again. ``moments``: matmuls that take the moments of rows as they drain, and
LayerNorms that have theirs.
"""

HEADER_BYTES = 64
MAGIC = 0x41544956
"""``VITA`` as bytes."""

HEADER = (
    Field(name="magic", bits=32, summary=f"{MAGIC:#010x}"),
    Field(name="version", bits=32, summary="of the instruction set"),
    Field(name="instructions", bits=32, summary="how many follow the header"),
    Field(name="side", bits=32, summary="P"),
    Field(name="arrays", bits=32, summary="arrays side by side"),
    Field(name="activation_words", bits=32, summary="words of P bytes of the activation buffer of an array"),
    Field(name="weight_words", bits=32, summary="words of P bytes of the weight buffer of an array"),
    Field(name="parameter_sets", bits=32, summary="sets of the parameter buffer"),
    Field(name="logit_words", bits=32, summary="words of P logits of the logit buffer of an array"),
    Field(name="moment_blocks", bits=32, summary="row-blocks whose moments are kept"),
    Field(name="numerics", bits=32, summary="weight bits, numerator bits, logit fraction bits: a byte each"),
    Field(
        name="features",
        bits=32,
        summary=f"optional parts, of which the machine must have those that the program needs: "
        f"{', '.join(f'bit {place}: {name}' for place, name in enumerate(FEATURES))}",
    ),
)
"""Words of the header of a program, one field each. All but ``instructions`` and ``features`` must be the machine's."""


def features_word(names: Collection[str]) -> int:
    """Return the word ``features`` for these of :data:`FEATURES`."""
    return sum(1 << place for place, name in enumerate(FEATURES) if name in names)
