"""The Program under construction: addresses in DRAM, staging, the weight ring, and waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vitaccel.arch import Arch
from vitaccel.errors import CapacityError
from vitaccel.ir.plan import TOKEN, Kernel, LaneKernel, MoeKernel, Place, Plan, Tensor, ceil_div
from vitaccel.ir.program import (
    NOWHERE,
    Engine,
    Instruction,
    Layer,
    Load,
    Program,
    Region,
    Routed,
    Store,
)
from vitaccel.passes.dependencies import Access, Ring, Tracker

DRAM_ALIGNMENT = 64
"""Tensors start at multiples of this many bytes: the widest bus beat."""

ROW_WISE = ("layernorm", "convert", "add", "mul", "softmax")
"""Lane functions that need only the row-blocks they write, besides the activations."""


@dataclass(frozen=True)
class Chunk:
    """Weight tiles in the ring: where, how many, and whom to tell when they are used."""

    address: int
    tiles: int
    handle: list[int]
    load_count: int


class Emitter:
    """Builds a Program kernel by kernel.

    Parameters
    ----------
    plan
        Allocated Plan.
    row_groups, weight_chunks
        See :class:`vitaccel.passes.schedule.Schedule`.
    """

    def __init__(self, plan: Plan, *, row_groups: int, weight_chunks: int) -> None:
        self.plan = plan
        self.row_groups = row_groups
        self.weight_chunks = weight_chunks
        self.at = -1
        self.program = Program(plan.name, plan.arch)
        self.tracker = Tracker()
        side, count = self.arch.array.side, self.arch.array.count
        self.ring = Ring(self.arch.buffers.weight_bytes // (side * count))
        self._dram: dict[str, int] = {}
        self._dram_next = 0
        self._held: dict[Place, tuple[int, int]] = {}
        self._readers = self._count_readers()

    @property
    def arch(self) -> Arch:
        """The machine."""
        return self.plan.arch

    @property
    def kernel(self) -> Kernel:
        """The kernel being emitted."""
        return self.plan.kernels[self.at]

    # -- kernels ---------------------------------------------------------------------------------------------------
    def begin(self, at: int) -> None:
        """Start a kernel."""
        self.at = at
        kernel = self.kernel
        routed = None
        if isinstance(kernel, MoeKernel):
            per_row = kernel.width_in * kernel.hidden + kernel.hidden * kernel.width_out
            rows = kernel.frames * kernel.tokens
            routed = Routed(rows, kernel.experts, kernel.k, kernel.capacity, per_row)
        self.program.layers.append(Layer(kernel.label, kernel.op, kernel.macs, routed))

    def finish(self) -> Program:
        """The Program, with the places its tensors take over time."""
        ordered = sorted(self._held.items(), key=lambda held: (held[1], held[0].address))
        self.program.regions = [Region(p.tensor, p.address, p.words, first, last) for p, (first, last) in ordered]
        self.program.dram_bytes = self._dram_next
        return self.program

    def _count_readers(self) -> dict[str, list[Kernel]]:
        readers: dict[str, list[Kernel]] = {}
        for kernel in self.plan.kernels:
            for tensor in kernel.reads:
                readers.setdefault(tensor, []).append(kernel)
        return readers

    def feeds_lanes(self, tensor: str) -> bool:
        """Whether the vector engine (or the store engine) takes the tensor piece by piece."""
        piecewise = any(isinstance(k, LaneKernel) and is_row_wise(k) for k in self._readers.get(tensor, []))
        return piecewise or tensor in self.plan.outputs

    def comes_from_lanes(self, tensor: str) -> bool:
        """Whether a row-wise lane kernel, or a load, delivers the tensor piece by piece."""
        if self.plan.tensors[tensor].home == "dram":
            return True
        return any(k.out == tensor and isinstance(k, LaneKernel) and is_row_wise(k) for k in self.plan.kernels)

    # -- places ----------------------------------------------------------------------------------------------------
    def tensor(self, name: str) -> Tensor:
        """A tensor by name."""
        return self.plan.tensors[name]

    def place(self, name: str, piece: int = 0) -> Place:
        """Where the current kernel finds a tensor; pieces of a streamed one take turns."""
        staged = self.plan.staging.get((self.at, name))
        return staged[piece % len(staged)] if staged else self.plan.places[name]

    def is_streamed(self, name: str) -> bool:
        """Whether the current kernel takes the tensor piece by piece from DRAM."""
        return len(self.plan.staging.get((self.at, name), ())) > 1

    def in_dram(self, name: str) -> bool:
        """Whether the tensor lives in DRAM."""
        return self.tensor(name).home == "dram"

    def row_blocks(self, name: str) -> int:
        """Row-blocks of a tensor."""
        return self.tensor(name).row_blocks(self.arch)

    def groups(self, row_blocks: int, pieces: int) -> list[tuple[int, int]]:
        """Row-blocks as at most ``pieces`` runs (first, count) of equal length, the last possibly shorter."""
        size = ceil_div(row_blocks, min(pieces, row_blocks))
        return [(first, min(size, row_blocks - first)) for first in range(0, row_blocks, size)]

    def valid_tokens(self, tokens: int, first: int, count: int) -> int:
        """Tokens that exist in a run of row-blocks when every frame has ``tokens``."""
        side = self.arch.array.side
        per_frame = ceil_div(tokens, side)
        return sum(min(side, tokens - (block % per_frame) * side) for block in range(first, first + count))

    def access(self, name: str, first: int = 0, count: int = 0, piece: int = 0) -> Access:
        """Access to a run of row-blocks, or to all of them."""
        return Access(self.place(name, piece), first, count or max(1, self.row_blocks(name)))

    # -- DRAM ------------------------------------------------------------------------------------------------------
    def dram(self, name: str, size: int) -> int:
        """DRAM address of something, assigned at first sight."""
        if name not in self._dram:
            self._dram[name] = self._dram_next
            self._dram_next += ceil_div(size, DRAM_ALIGNMENT) * DRAM_ALIGNMENT
        return self._dram[name]

    def tensor_dram(self, name: str) -> int:
        """DRAM address of a tensor."""
        return self.dram(name, self.tensor(name).dram_bytes(self.arch))

    def traffic(self, name: str) -> str:
        """What the DRAM bytes of a tensor are called."""
        kind = self.tensor(name).kind
        return "spill" if kind == "activation" else kind

    # -- instructions ----------------------------------------------------------------------------------------------
    def issue(
        self,
        instruction: Instruction,
        *,
        reads: Iterable[Access] = (),
        writes: Iterable[Access] = (),
        after: Iterable[tuple[Engine, int]] = (),
    ) -> int:
        """Append an instruction with its waits; returns its engine's count including it."""
        reads, writes = list(reads), list(writes)
        for access in (*reads, *writes):
            first, _ = self._held.get(access.place, (len(self.program.instructions), 0))
            self._held[access.place] = (first, len(self.program.instructions))
        self.program.instructions.append(self.tracker.issue(instruction, reads, writes, after))
        self.program.kernel_of.append(self.at)
        return self.tracker.issued[instruction.engine]

    def stage_in(self, name: str, first: int = 0, count: int = 0, piece: int = 0) -> None:
        """Load a run of row-blocks (or all) of a DRAM tensor into its staging place."""
        tensor = self.tensor(name)
        blocks = self.row_blocks(name)
        run = count or blocks
        total = tensor.dram_bytes(self.arch)
        per_block = ceil_div(total, blocks)
        offset = 0 if self.is_streamed(name) else first
        size = min(run * per_block, total - first * per_block)
        self.issue(
            Load(
                layer=self.kernel.label,
                dram=self.tensor_dram(name) + first * per_block,
                buffer="activation",
                address=self.place(name, piece).address + offset * tensor.row_block_words(self.arch),
                row_bytes=size,
                stride_bytes=size,
                traffic=self.traffic(name),
            ),
            writes=[self.access(name, offset, run, piece)],
        )

    def stage_out(self, name: str, first: int = 0, count: int = 0, piece: int = 0) -> None:
        """Store a run of row-blocks (or all) of a tensor to DRAM."""
        tensor = self.tensor(name)
        blocks = self.row_blocks(name)
        run = count or blocks
        total = tensor.dram_bytes(self.arch)
        per_block = ceil_div(total, blocks)
        offset = 0 if self.is_streamed(name) else first
        size = min(run * per_block, total - first * per_block)
        self.issue(
            Store(
                layer=self.kernel.label,
                dram=self.tensor_dram(name) + first * per_block,
                buffer="activation",
                address=self.place(name, piece).address + offset * tensor.row_block_words(self.arch),
                row_bytes=size,
                stride_bytes=size,
                traffic=self.traffic(name),
            ),
            reads=[self.access(name, offset, run, piece)],
        )

    def stage_channels(
        self, name: str, channels: tuple[int, int], blocks: tuple[int, int], piece: int, *, into: bool
    ) -> None:
        """Load (or store) a run of channels of a run of row-blocks, both (first, count): a strided transfer.

        A token-lane tensor has one run of bytes in each row-block; a channel-lane tensor has one in all.
        """
        tensor = self.tensor(name)
        runs = self.row_blocks(name) if tensor.layout == TOKEN else 1
        stride = tensor.dram_bytes(self.arch) // runs
        begin, size = (stride * part // tensor.channels for part in channels)
        first, count = blocks if tensor.layout == TOKEN else (0, 1)
        kind = Load if into else Store
        access = [self.access(name, 0, blocks[1] if tensor.layout == TOKEN else 0, piece)]
        self.issue(
            kind(
                layer=self.kernel.label,
                dram=self.tensor_dram(name) + first * stride + begin,
                buffer="activation",
                address=self.place(name, piece).address,
                rows=count,
                row_bytes=size,
                stride_bytes=stride,
                traffic=self.traffic(name),
            ),
            reads=[] if into else access,
            writes=access if into else [],
        )

    def stage_whole(self, names: Iterable[str]) -> None:
        """Load every DRAM operand among the names that is not streamed, whole."""
        for name in dict.fromkeys(n for n in names if n):
            if self.in_dram(name) and not self.is_streamed(name):
                self.stage_in(name)

    def store_results(self, names: Iterable[str]) -> None:
        """Store what lives in DRAM or leaves the network, whole."""
        for name in names:
            if (self.in_dram(name) or name in self.plan.outputs) and not self.is_streamed(name):
                self.stage_out(name)

    def address(self, name: str, first: int = 0, piece: int = 0) -> int:
        """Word address of a row-block of a tensor, or nowhere for an absent operand."""
        if not name:
            return NOWHERE
        offset = 0 if self.is_streamed(name) else first
        step = self.tensor(name).row_block_words(self.arch) if self.tensor(name).layout == TOKEN else 0
        return self.place(name, piece).address + offset * step

    # -- weights ---------------------------------------------------------------------------------------------------
    def chunk_sizes(self, n_tiles: int, tile_bytes: int) -> list[int]:
        """Tiles of each weight chunk: whole rounds of all arrays, at most a quarter of the ring where possible."""
        side, count = self.arch.array.side, self.arch.array.count
        round_words = ceil_div(tile_bytes, side)
        if round_words > self.ring.words:
            need = round_words * side * count
            raise CapacityError(
                f"{self.kernel.label} ({self.kernel.op}): one tile of weights takes {need} bytes and "
                f"buffers.weight_bytes is {self.arch.buffers.weight_bytes}; "
                f"raise it with --set buffers.weight_bytes={2 * need}"
            )
        rounds = ceil_div(n_tiles, count)
        at_most = max(1, self.ring.words // 4 // round_words)
        per_chunk = min(max(1, ceil_div(rounds, self.weight_chunks)), at_most) * count
        return [min(per_chunk, n_tiles - first) for first in range(0, n_tiles, per_chunk)]

    def load_weights(
        self,
        name: str,
        first: int,
        tiles: int,
        tile_bytes: int,
        total_tiles: int,
        *,
        expert: int = -1,
        after_route: int = 0,
    ) -> Chunk:
        """Load weight tiles into the ring; ``after_route`` is the vector count that makes an expert's address known."""
        side, count = self.arch.array.side, self.arch.array.count
        words = ceil_div(tiles, count) * ceil_div(tile_bytes, side)
        address, free_after, handle = self.ring.take(words)
        issued = self.issue(
            Load(
                layer=self.kernel.label,
                dram=self.dram(name, total_tiles * tile_bytes) + first * tile_bytes,
                buffer="weight",
                address=address,
                row_bytes=tiles * tile_bytes,
                stride_bytes=tiles * tile_bytes,
                traffic="weight",
                expert=expert,
            ),
            after=[(Engine.COMPUTE, free_after), (Engine.VECTOR, after_route)],
        )
        return Chunk(address, tiles, handle, issued)


def is_row_wise(kernel: LaneKernel) -> bool:
    """Whether a lane kernel's row-blocks depend only on the same row-blocks of its operands."""
    return kernel.function in ROW_WISE or kernel.op == kernel.function
