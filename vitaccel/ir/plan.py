"""The Plan: kernels and the tensors between them, on the way from Graph to Program.

A kernel is one fused piece of work (a tiled matmul with its epilogue, one layer's attention, a LayerNorm, a layer of
experts); a tensor is a value in one layout and width. The ``tile`` pass makes the Plan, ``allocate`` gives its tensors
places, ``schedule`` turns its kernels into instructions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel.arch import PARAMETER_BYTES, Arch
from vitaccel.ir.heads import whole_rounds
from vitaccel.ir.rows import Rows, Window, token_groups, valid_tokens
from vitaccel.ir.rows import ceil_div as ceil_div
from vitaccel.ir.tensor import CHANNEL as CHANNEL
from vitaccel.ir.tensor import TOKEN as TOKEN
from vitaccel.ir.tensor import Tensor as Tensor

PATCHES = ".patches"
"""Ending of the tensor into which the host lays out an input's patches, one token each."""

ROUTER_FRACTION_BITS = 8
"""Fraction bits of base-2 logits outside attention: those of routers, and what a softmax by itself reads."""

PROBABILITY_BITS = 16
"""Width of a normalised probability, where the normaliser belongs to what is summed over."""

LOGIT_BYTES = 2
"""Bytes of one attention logit (Q5.6 or Q5.8) in a buffer."""


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Base of kernels: ``label`` names the layer, ``node`` the Graph node that roots it, ``macs`` its useful MACs."""

    label: str
    node: str
    op: str
    out: str
    macs: int = 0

    @property
    def reads(self) -> tuple[str, ...]:
        """Tensors the kernel reads from the activation buffer."""
        raise NotImplementedError

    def multiplications(self, arch: Arch) -> int:
        """Multiplications in the PE arrays, of values and not of padding, whether they count as MACs or not."""
        del arch
        return 0


@dataclass(frozen=True, kw_only=True)
class MatMulKernel(Kernel):
    """A tiled matmul with its epilogue.

    ``a`` [tokens, k] times weights (or the activation ``b`` in channel-lane layout) of ``n`` columns in ``n_tiles``
    tiles of P. ``weight_name`` is the Graph constant, "" when ``b`` is an activation. A convolution sees ``a`` through
    a ``window``; its ``groups`` of columns each read their own channels of ``a``.
    """

    a: str
    b: str = ""
    residual: str = ""
    weight_name: str = ""
    frames: int = 1
    tokens: int = 1
    k: int = 1
    n: int = 1
    n_tiles: int = 1
    activation: str = ""
    drain: str = TOKEN
    moments: bool = False
    groups: int = 1
    window: Window | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(t for t in (self.a, self.b, self.residual) if t)

    def multiplications(self, arch: Arch) -> int:
        """Its MACs; for a product with a constant (resizing, means), which has none, every row by every column."""
        del arch
        return self.macs or self.frames * self.tokens * self.k * self.n

    def tile_bytes(self, arch: Arch) -> int:
        """Bytes of one packed weight tile: K x P weights and P sets of channel parameters."""
        return weight_tile_bytes(self.k, arch)


def has_lines(fraction_bits: int) -> bool:
    """Whether powers of two of logits of so many fraction bits are made from lines (`OnlineSoftmax.exp2`)."""
    return fraction_bits == 8


def weight_tile_bytes(k: int, arch: Arch) -> int:
    """Bytes of one packed weight tile of depth ``k`` with its P sets of channel parameters."""
    side = arch.array.side
    return ceil_div(k * side * arch.numerics.weight_bits, 8) + side * PARAMETER_BYTES


@dataclass(frozen=True, kw_only=True)
class AttentionKernel(Kernel):
    """Fused attention of one layer, all heads: QK^T, online softmax, A.V (``mode`` none), or a reuse of kept logits.

    With ``mode`` other than none, ``q`` and ``k`` are "" and ``logits`` is read; otherwise ``logits`` is written when
    named. ``queries`` and ``keys`` are M and N of the logits in every mode.
    """

    q: str = ""
    k: str = ""
    v: str = ""
    logits: str = ""
    mask: str = ""
    residual: str = ""
    mode: str = "none"
    frames: int = 1
    heads: int = 1
    head_dim: int = 1
    value_dim: int = 1
    queries: int = 1
    keys: int = 1

    @property
    def reads(self) -> tuple[str, ...]:
        kept = self.logits if self.mode != "none" else ""
        return tuple(t for t in (self.q, self.k, self.v, kept, self.mask, self.residual) if t)

    @property
    def writes(self) -> tuple[str, ...]:
        """Tensors the kernel writes: its output and, when kept, the logits."""
        return (self.out, self.logits) if self.mode == "none" and self.logits else (self.out,)

    def multiplications(self, arch: Arch) -> int:
        """QK^T once, unless the logits were kept, and A.V once for every 8-bit digit of a numerator."""
        depth = (self.head_dim if self.mode == "none" else 0) + arch.numerics.numerator_passes * self.value_dim
        return self.frames * self.heads * self.queries * self.keys * depth


@dataclass(frozen=True, kw_only=True)
class LaneKernel(Kernel):
    """A stream of ``tokens`` x ``channels`` through the lanes of the vector engine, ``passes`` times.

    Pooling, depthwise convolution, interpolation and slices see their operands through a ``window``; a ``row_wise``
    kernel needs the row-blocks it writes and no others. ``heads`` share the channels of kept logits (``head_mean``).
    """

    function: str
    operands: tuple[str, ...]
    frames: int = 1
    tokens: int = 1
    channels: int = 1
    passes: int = 1
    window: Window | None = None
    row_wise: bool = True
    heads: int = 1

    @property
    def reads(self) -> tuple[str, ...]:
        return self.operands


@dataclass(frozen=True, kw_only=True)
class MoeKernel(Kernel):
    """Top-k routed experts of one layer: route, then gather, two matmuls and weighted scatter-add for each expert.

    ``staging`` are the gathered, hidden and result tensors of each expert in flight, three for each. With pieces
    (``Plan.groups``) all of that is done for one group of tokens after the other.
    """

    x: str
    logits: str
    residual: str = ""
    frames: int = 1
    tokens: int = 1
    experts: int = 1
    k: int = 1
    capacity: int = 0
    width_in: int = 1
    hidden: int = 1
    width_out: int = 1
    activation: str = "gelu"
    score: str = "softmax_all"
    order: str = ""
    staging: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(t for t in (self.x, self.logits, self.residual) if t)

    @property
    def max_rows(self) -> int:
        """Most tokens one expert can get."""
        rows = self.frames * self.tokens
        return min(rows, self.capacity) if self.capacity else rows

    @property
    def in_flight(self) -> int:
        """Experts whose tokens are staged at a time."""
        return len(self.staging) // 3

    def token_groups(self, arch: Arch, pieces: int) -> list[tuple[int, int]]:
        """Groups of tokens as runs of row-blocks (first, count): whole frames, or parts of one frame."""
        return token_groups(self.frames, ceil_div(self.tokens, arch.array.side), pieces)

    def group_tokens(self, arch: Arch, pieces: int) -> tuple[int, ...]:
        """Tokens of each group."""
        return tuple(valid_tokens(self.tokens, arch.array.side, *run) for run in self.token_groups(arch, pieces))

    def weight_bytes(self, arch: Arch) -> int:
        """Bytes of the packed weights of all experts: what every group loads, when no expert is skipped."""
        depths = ((self.hidden, self.width_in), (self.width_out, self.hidden))
        return self.experts * sum(ceil_div(n, arch.array.side) * weight_tile_bytes(k, arch) for n, k in depths)


@dataclass(frozen=True)
class Place:
    """Words ``address`` to ``address + words`` of every activation bank, held from kernel ``first`` to ``last``."""

    tensor: str
    address: int
    words: int
    first: int
    last: int

    def overlaps(self, other: Place) -> bool:
        """Whether the two share a word, at whatever time."""
        return self.address < other.address + other.words and other.address < self.address + self.words


@dataclass
class Plan:
    """Kernels in execution order and the tensors between them.

    ``places`` and ``staging`` are filled by ``allocate``: where each on-chip tensor lives, and where a kernel (by
    index) stages a tensor that lives in DRAM: one place for all of it, or two that take turns. ``groups`` says in how
    many pieces a kernel streams its staged tensors (1 when not in the table), or experts take their tokens.
    """

    name: str
    arch: Arch
    kernels: list[Kernel] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    staging: dict[tuple[int, str], tuple[Place, ...]] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"plan {self.name} on {self.arch.array} PEs"]
        lines += [f"  tensor {tensor}{self._where(tensor.name)}" for tensor in self.tensors.values()]
        for kernel in self.kernels:
            notes = f"  # {kernel.macs} MACs" if kernel.macs else ""
            lines.append(f"  {kernel.label}: {kernel.out} = {kernel.op}({', '.join(kernel.reads)}){notes}")
        lines.append(f"  return {', '.join(self.outputs)}")
        return "\n".join(lines) + "\n"

    def _where(self, tensor: str) -> str:
        place = self.places.get(tensor)
        return f" at {place.address}+{place.words}" if place else ""


def operand_rows(plan: Plan, kernel: MatMulKernel | LaneKernel, name: str) -> Rows:
    """How the rows of a kernel's operand (or output) stand to the kernel's rows."""
    tensor = plan.tensors[name]
    seen = name == kernel.a if isinstance(kernel, MatMulKernel) else name != kernel.out
    return Rows(
        tokens=kernel.tokens,
        frames=tensor.frames,
        own_tokens=tensor.tokens,
        side=plan.arch.array.side,
        window=kernel.window if seen else None,
    )


def by_frame(plan: Plan, kernel: MatMulKernel | LaneKernel) -> bool:
    """Whether a kernel is cut at frames: an operand has other rows than it, or a frame's tokens are contracted."""
    if kernel.frames == 1:
        return False
    names = [name for name in (*kernel.reads, kernel.out) if not isinstance(kernel, MatMulKernel) or name != kernel.b]
    one_to_one = all(operand_rows(plan, kernel, n).aligned and plan.tensors[n].frames == kernel.frames for n in names)
    contracts = isinstance(kernel, MatMulKernel) and bool(kernel.b)
    return contracts or not one_to_one or any(plan.tensors[n].layout == CHANNEL for n in names)


def staged_blocks(plan: Plan, kernel: Kernel, name: str) -> int:
    """Row-blocks of a tensor in DRAM, from its first on, that a kernel needs when it stages them all at once."""
    tensor = plan.tensors[name]
    blocks = tensor.row_blocks(plan.arch)
    by_rows = isinstance(kernel, MatMulKernel) or (isinstance(kernel, LaneKernel) and kernel.row_wise)
    if not by_rows or tensor.layout != TOKEN:
        return blocks
    assert isinstance(kernel, MatMulKernel | LaneKernel)
    own = kernel.frames * ceil_div(kernel.tokens, plan.arch.array.side)
    return sum(operand_rows(plan, kernel, name).needed(0, own))


def heads_per_round(kernel: AttentionKernel, arch: Arch, pieces: int) -> int:
    """Heads that stream together when attention streams in at most ``pieces`` pieces: whole rounds of all arrays."""
    rounds = ceil_div(kernel.heads, arch.array.count)
    return min(kernel.heads, ceil_div(rounds, pieces) * arch.array.count)


def channels_of_heads(kernel: AttentionKernel, tensor: Tensor, first: int, count: int, arch: Arch) -> tuple[int, int]:
    """First channel of some heads in a tensor of attention, and how many there are, those that fill up a round too.

    ``first`` is the first head of a round; a head has its queries in kept logits, else its share of all channels.
    """
    if tensor.heads:
        width = tensor.channels // whole_rounds(tensor.heads, arch.array.count)
        return first * width, whole_rounds(count, arch.array.count) * width
    width = kernel.queries if tensor.name == kernel.logits else tensor.channels // kernel.heads
    return first * width, count * width


def kernel_writes(kernel: Kernel) -> tuple[str, ...]:
    """Tensors a kernel writes, staging included."""
    if isinstance(kernel, AttentionKernel):
        return kernel.writes
    if isinstance(kernel, MoeKernel):
        return (*kernel.staging, kernel.out)
    return (kernel.out,)
