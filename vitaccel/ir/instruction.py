"""Macro-instructions of the four engines: what each does, in which units, and what it waits for.

Addresses are byte addresses in DRAM and word indices in the buffers (a word is P bytes, the same index in the bank of
every array). ``expert`` >= 0 marks an instruction whose rows are that expert's (or, with ``moe.order = longest``, the
expert of that rank's) queue length, known only at run time; with no rows it is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar, Self


class Engine(IntEnum):
    """The engines, in the order of ``waits``."""

    LOAD = 0
    COMPUTE = 1
    VECTOR = 2
    STORE = 3


NO_WAITS = (0, 0, 0, 0)
NOWHERE = -1
"""Address of an operand that is absent."""


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """Base of macro-instructions.

    Parameters
    ----------
    layer
        Label of the layer it belongs to (not encoded: for people).
    waits
        Completed instructions needed of load, compute, vector and store before it starts.
    expert
        Expert slot whose queue gives the rows, or -1.
    """

    engine: ClassVar[Engine]
    mnemonic: ClassVar[str]
    layer: str
    waits: tuple[int, int, int, int] = NO_WAITS
    expert: int = -1

    def waiting(self, waits: tuple[int, int, int, int]) -> Self:
        """The same instruction with other waits.

        What ``dataclasses.replace`` does, without setting every field again: a program has tens of thousands of these.
        """
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, waits=waits)
        return made

    def __str__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)}"
            for f in fields(self)
            if f.name not in ("layer", "waits") and getattr(self, f.name) != f.default
        ]
        waits = " ".join(f"{e.name.lower()}>={n}" for e, n in zip(Engine, self.waits, strict=True) if n)
        return f"{self.engine.name.lower():8}{self.mnemonic} {' '.join(shown)}{' wait ' + waits if waits else ''}"


@dataclass(frozen=True, kw_only=True)
class Transfer(Instruction):
    """``rows`` runs of ``row_bytes`` at DRAM distance ``stride_bytes``, at ``step`` words in the buffer.

    A row is a run of one plane, so an int16 tensor has two rows where an int8 tensor has one. With several arrays,
    ``layout`` says which bank a word goes to. ``token``: every row starts in the first bank, and its tiles of P words
    take the banks by turns. ``channel``: a row is a plane of a tile, tiles (of ``element_bytes`` rows) take the banks
    by turns, and ``step`` is from one row of a bank to the next. Parameter sets and tables are no words: one row, set
    after set.

    ``buffer`` is ``activation``, ``weight`` (the ring of weight tiles), ``parameter`` (the ring of parameter sets; its
    addresses count sets) or ``table`` (the address is one of its slots). ``traffic`` is what the bytes are: ``weight``,
    ``constant``, ``input``, ``output`` or ``spill``. ``dram`` is the address for expert ``expert``; that of the next
    one is ``expert_stride`` bytes further (with ``moe.order = longest`` a slot's expert is known only at run time).
    """

    dram: int
    buffer: str
    address: int
    rows: int = 1
    row_bytes: int = 0
    stride_bytes: int = 0
    step: int = 0
    layout: str = "token"
    element_bytes: int = 1
    expert_stride: int = 0
    traffic: str = "weight"

    @property
    def total_bytes(self) -> int:
        """Bytes moved."""
        return self.rows * self.row_bytes

    @property
    def runs(self) -> tuple[int, int]:
        """Runs of bytes in DRAM, and the bytes of one: rows that follow each other are one run."""
        return (1, self.total_bytes) if self.stride_bytes == self.row_bytes else (self.rows, self.row_bytes)


@dataclass(frozen=True, kw_only=True)
class Load(Transfer):
    """DRAM to buffer."""

    engine = Engine.LOAD
    mnemonic = "load"


@dataclass(frozen=True, kw_only=True)
class Store(Transfer):
    """Buffer to DRAM."""

    engine = Engine.STORE
    mnemonic = "store"


@dataclass(frozen=True, kw_only=True)
class MatMul(Instruction):
    """``row_blocks`` x ``n_tiles`` output tiles of depth ``k``, tiles outermost, drained through the epilogue.

    ``tokens`` and ``n`` are the valid rows and columns; ``weight`` is the ring address of the packed tiles, or
    ``b`` the activation address of a channel-lane operand. ``drain`` is the layout written. Row-blocks of A follow each
    other at ``a_step`` words; ``out_step`` and ``residual_step`` are the words from one row-block to the next, or with
    ``drain`` channel from one tile of columns to the next; ``b_step`` is the words from one tile of columns of B to the
    next. ``parameters`` is where the parameter sets of the columns of ``b`` are, ``table`` the slot of the activation's
    table. All columns of every tile are written, padding included.

    Where the result is what a LayerNorm reads, ``moments`` is the place of its first row-block's sums and sums of
    squares, which are taken of the ``n`` columns as they drain: ``begins_moments`` of the rows' first columns, else
    added to what was taken before.
    """

    engine = Engine.COMPUTE
    mnemonic = "matmul"
    a: int
    weight: int = NOWHERE
    b: int = NOWHERE
    out: int
    residual: int = NOWHERE
    parameters: int = NOWHERE
    table: int = NOWHERE
    a_step: int = 0
    b_step: int = 0
    out_step: int = 0
    residual_step: int = 0
    row_blocks: int
    tokens: int
    k: int
    n: int
    n_tiles: int
    activation: str = ""
    drain: str = "token"
    out_bytes: int = 1
    moments: int = NOWHERE
    begins_moments: bool = False


@dataclass(frozen=True, kw_only=True)
class Attention(Instruction):
    """Attention of ``heads`` heads in ``frames`` frames, one head an array at a time, all row-blocks.

    For mode ``none``: QK^T of a row-block into the logit buffer with online softmax statistics, then A.V with deferred
    normalisation, software-pipelined over row-blocks when the logit buffer holds two (``in_flight``); ``logits`` is
    where the logits are kept, if they are. Other modes read kept logits (see :class:`vitaccel.ir.ops.Attention`).
    Addresses are those of the first of the heads; a step is the words from one row-block to the next, or in a
    channel-lane operand (the values) from one tile of channels to the next. ``logits_first``, ``residual_first`` and
    ``out_first`` are the channels of the tensors at these addresses: with several arrays a head's need not be in the
    first bank. ``parameters`` is where the parameter sets of the heads are: one for the logits and one for the output,
    head after head. ``drain`` is the layout written. ``by_array`` names those of :data:`BY_ARRAY` whose heads stand as
    :func:`vitaccel.ir.heads.places_of_heads` says.
    """

    engine = Engine.COMPUTE
    mnemonic = "attention"
    q: int = NOWHERE
    k: int = NOWHERE
    v: int
    logits: int = NOWHERE
    mask: int = NOWHERE
    residual: int = NOWHERE
    parameters: int = NOWHERE
    out: int
    q_step: int = 0
    k_step: int = 0
    v_step: int = 0
    logits_step: int = 0
    residual_step: int = 0
    out_step: int = 0
    logits_first: int = 0
    residual_first: int = 0
    out_first: int = 0
    mode: str = "none"
    frames: int
    heads: int
    head_dim: int
    value_dim: int
    queries: int
    keys: int
    in_flight: int = 2
    drain: str = "token"
    out_bytes: int = 1
    by_array: str = ""


BY_ARRAY = ("q", "k", "v", "logits", "out")
"""Operands and results of attention whose heads may each stand in the part of the buffer that is their array's."""


@dataclass(frozen=True, kw_only=True)
class Lane(Instruction):
    """A stream of ``row_blocks`` x ``channels`` words through the lanes, ``passes`` times.

    ``a_step``, ``b_step`` and ``out_step`` are the words from one row-block to the next, or of a result in channel
    layout (``drain``) from one tile of channels to the next.
    ``parameters`` and ``table`` are where the function finds its parameter sets and its table. ``shift`` moves tokens
    down by so many lanes on the way (up when negative): what slices and joins of tokens need. ``out_first`` is the
    channel of the result that ``out`` is the place of: a join of channels may begin in another bank than the first.
    ``heads`` is how many share the channels of kept logits (``head_mean``). ``moments`` is the place of the first
    row-block's moments, where a LayerNorm's rows had them taken as they drained.
    """

    engine = Engine.VECTOR
    mnemonic = "lane"
    function: str
    a: int
    b: int = NOWHERE
    out: int
    parameters: int = NOWHERE
    table: int = NOWHERE
    a_step: int = 0
    b_step: int = 0
    row_blocks: int
    tokens: int
    channels: int
    passes: int = 1
    element_bytes: int = 2
    out_bytes: int = 1
    drain: str = "token"
    out_step: int = 0
    out_first: int = 0
    shift: int = 0
    heads: int = 1
    moments: int = NOWHERE


@dataclass(frozen=True, kw_only=True)
class Route(Instruction):
    """Softmax, top-k and expert queues from router logits of ``tokens`` tokens in ``row_blocks`` row-blocks.

    ``score`` and ``order`` are those of :class:`vitaccel.ir.ops.Moe`; ``frame_tokens`` are the tokens of one frame. The
    tokens are whole frames or a part of one, and are counted from the first of them. The queues last until the next
    route: experts of every instruction up to there are theirs.
    """

    engine = Engine.VECTOR
    mnemonic = "route"
    logits: int
    row_blocks: int
    tokens: int
    frame_tokens: int = 0
    experts: int
    k: int
    capacity: int = 0
    order: str = ""
    score: str = "softmax_all"


@dataclass(frozen=True, kw_only=True)
class Gather(Instruction):
    """An expert's tokens from channel-lane rows into token-lane words, through the P x P transposer.

    ``a`` is where the first routed token stands; ``a_step`` is the words from one tile of channels to the next,
    ``out_step`` from one row-block to the next.
    """

    engine = Engine.VECTOR
    mnemonic = "gather"
    a: int
    out: int
    a_step: int = 0
    out_step: int = 0
    channels: int


@dataclass(frozen=True, kw_only=True)
class ScatterAdd(Instruction):
    """An expert's results times gate scores, rescaled by one parameter set, added to the tokens they belong to.

    ``out`` is where the first routed token stands; ``a_step`` and ``out_step`` are the words from one row-block to the
    next, ``frame_tokens`` the tokens of one frame.
    """

    engine = Engine.VECTOR
    mnemonic = "scatter_add"
    a: int
    out: int
    parameters: int = NOWHERE
    a_step: int = 0
    out_step: int = 0
    frame_tokens: int = 0
    channels: int
