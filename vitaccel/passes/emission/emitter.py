"""The Program under construction: addresses in DRAM, staging, the weight ring, and waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from vitaccel.arch import PARAMETER_BYTES, Arch
from vitaccel.ir.parameters import TABLE_SLOTS
from vitaccel.ir.plan import (
    TOKEN,
    Kernel,
    LaneKernel,
    MatMulKernel,
    MoeKernel,
    Place,
    Plan,
    Tensor,
    ceil_div,
    operand_rows,
    staged_blocks,
)
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
from vitaccel.ir.rows import Rows, valid_tokens
from vitaccel.ir.tensor import aligned, plane_words
from vitaccel.passes.dependencies import Access, Ring, RingChunk, Tracker
from vitaccel.passes.emission.moments import Moments

DRAM_ALIGNMENT = 64
"""Tensors start at multiples of this many bytes: the widest bus beat."""


@dataclass(frozen=True)
class Chunk:
    """Something loaded into a ring: the place, and the load that must have completed before it is read."""

    place: RingChunk
    load_count: int

    @property
    def address(self) -> int:
        """First word (set, or slot) in the ring."""
        return self.place.address

    @property
    def loaded(self) -> tuple[Engine, int]:
        """What a reader waits for."""
        return Engine.LOAD, self.load_count


@dataclass(frozen=True)
class Sizes:
    """Sizes of a tensor on the machine, computed once: every instruction asks for them."""

    row_blocks: int
    row_block_words: int
    dram_bytes: int

    @classmethod
    def of(cls, tensor: Tensor, arch: Arch) -> Sizes:
        """Sizes of a tensor."""
        return cls(tensor.row_blocks(arch), tensor.row_block_words(arch), tensor.dram_bytes(arch))


@dataclass(frozen=True)
class _Rows:
    """Rows of a transfer: where they begin in the tensor in DRAM, how many, of what length, and how far apart."""

    offset: int
    count: int
    row_bytes: int
    stride_bytes: int
    step: int


class Emitter:
    """Builds a Program kernel by kernel.

    Parameters
    ----------
    plan
        Allocated Plan.
    row_groups, weight_chunks
        See :class:`vitaccel.passes.schedule.Schedule`.

    Attributes
    ----------
    parameters, table
        Parameter sets and activation table of the current kernel, once they are loaded.
    """

    def __init__(self, plan: Plan, *, row_groups: int, weight_chunks: int) -> None:
        self.plan = plan
        self.row_groups = row_groups
        self.weight_chunks = weight_chunks
        self.at = -1
        self.program = Program(plan.name, plan.arch)
        self.tracker = Tracker()
        side, count = self.arch.array.side, self.arch.array.count
        buffers = self.arch.buffers
        self.weight_ring = Ring(buffers.weight_bytes // (side * count))
        self.parameter_ring = Ring(buffers.parameter_bytes // PARAMETER_BYTES)
        self.table_ring = Ring(TABLE_SLOTS)
        self.moments = Moments(plan)
        self.parameters: Chunk | None = None
        self.table: Chunk | None = None
        self._stored: dict[str, list[tuple[int, int, int]]] = {}
        self._readers = self._count_readers()
        self._sizes = {name: Sizes.of(tensor, plan.arch) for name, tensor in plan.tensors.items()}
        self._rows: dict[str, Rows] = {}

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
        self.parameters = self.table = None
        self._rows = {}
        kernel = self.kernel
        routed = None
        if isinstance(kernel, MoeKernel):
            per_row = kernel.width_in * kernel.hidden + kernel.hidden * kernel.width_out
            rows = kernel.frames * kernel.tokens
            groups = kernel.group_tokens(self.arch, self.plan.groups.get(at, 1))
            own = groups if len(groups) > 1 else ()
            routed = Routed(rows, kernel.experts, kernel.k, kernel.capacity, per_row, own)
        multiplications = kernel.multiplications(self.arch)
        self.program.layers.append(Layer(kernel.label, kernel.op, kernel.macs, routed, multiplications))

    def finish(self) -> Program:
        """The Program, with the places its tensors take over time."""
        regions = [
            Region(p.tensor, p.address, p.words, h.first, h.last, tuple(chain.from_iterable(h.span.values())))
            for p, h in self.tracker.histories.items()
        ]
        self.program.regions = sorted(regions, key=lambda r: (r.first, r.last, r.address))
        return self.program

    def _count_readers(self) -> dict[str, list[Kernel]]:
        readers: dict[str, list[Kernel]] = {}
        for kernel in self.plan.kernels:
            for tensor in kernel.reads:
                readers.setdefault(tensor, []).append(kernel)
        return readers

    def feeds_lanes(self, tensor: str) -> bool:
        """Whether the vector engine (or the store engine) takes the tensor piece by piece."""
        piecewise = any(isinstance(k, LaneKernel) and k.row_wise for k in self._readers.get(tensor, []))
        return piecewise or tensor in self.plan.outputs

    def comes_from_lanes(self, tensor: str) -> bool:
        """Whether a row-wise lane kernel, or a load, delivers the tensor piece by piece."""
        if self.plan.tensors[tensor].home == "dram":
            return True
        return any(k.out == tensor and isinstance(k, LaneKernel) and k.row_wise for k in self.plan.kernels)

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

    def is_staged(self, name: str) -> bool:
        """Whether the current kernel has a place of its own for a tensor that lives in DRAM."""
        return (self.at, name) in self.plan.staging

    def in_dram(self, name: str) -> bool:
        """Whether the tensor lives in DRAM."""
        return self.tensor(name).home == "dram"

    def row_blocks(self, name: str) -> int:
        """Row-blocks of a tensor."""
        return self._sizes[name].row_blocks

    def rows(self, name: str) -> Rows:
        """How the rows of an operand (or the output) of the current kernel stand to the kernel's rows."""
        if name not in self._rows:
            assert isinstance(self.kernel, MatMulKernel | LaneKernel)
            self._rows[name] = operand_rows(self.plan, self.kernel, name)
        return self._rows[name]

    def access(self, name: str, first: int = 0, count: int = 0, piece: int = 0) -> Access:
        """Access to a run of row-blocks, or to all of them."""
        return Access(self.place(name, piece), first, count or max(1, self.row_blocks(name)))

    # -- DRAM ------------------------------------------------------------------------------------------------------
    def dram(self, name: str, size: int) -> int:
        """DRAM address of something, assigned at first sight."""
        image = self.program.dram_map
        if name not in image:
            image[name] = self.program.dram_bytes, size
            self.program.dram_bytes += ceil_div(size, DRAM_ALIGNMENT) * DRAM_ALIGNMENT
        return image[name][0]

    def tensor_dram(self, name: str) -> int:
        """DRAM address of a tensor."""
        return self.dram(name, self._sizes[name].dram_bytes)

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
        chunks: Iterable[Chunk | None] = (),
    ) -> int:
        """Append an instruction with its waits, ``chunks`` among them; returns its engine's count including it."""
        read = [chunk for chunk in chunks if chunk]
        waits = [*after, *(chunk.loaded for chunk in read)]
        self.program.instructions.append(self.tracker.issue(instruction, reads, writes, waits))
        self.program.kernel_of.append(self.at)
        count = self.tracker.issued[instruction.engine]
        for chunk in read:
            chunk.place.used(instruction.engine, count)
        return count

    def stage_in(self, name: str, first: int = 0, count: int = 0, piece: int = 0, *, place_of: str = "") -> None:
        """Load a run of row-blocks (or all) of a DRAM tensor into its staging place, or that of a like tensor."""
        self._stage_rows(name, first, count, piece, place_of or name, into=True)

    def stage_out(self, name: str, first: int = 0, count: int = 0, piece: int = 0) -> None:
        """Store a run of row-blocks (or all) of a tensor to DRAM."""
        self._stage_rows(name, first, count, piece, name, into=False)

    def _stage_rows(self, name: str, first: int, count: int, piece: int, place_of: str, *, into: bool) -> None:
        tensor = self.tensor(name)
        blocks = self.row_blocks(name)
        run = count or blocks
        sizes, side, planes = self._sizes[name], self.arch.array.side, tensor.element_bytes
        offset = 0 if self.is_streamed(place_of) else first
        access = self.access(place_of, offset, run, piece)
        if tensor.layout == TOKEN:
            row = tensor.channels * side
            rows = _Rows(row * first * planes, run * planes, row, row, sizes.row_block_words // planes)
        else:
            many = valid_tokens(tensor.tokens, side, first, run)
            stride = tensor.frames * tensor.tokens * side
            step = self.tile_step(place_of, first, run) // planes
            start = tensor.first_token(self.arch, first) * side
            rows = _Rows(start, sizes.dram_bytes // stride, many * side, stride, step)
        self._transfer(name, rows, self.address(place_of, first, piece), access, into=into)

    def tile_step(self, name: str, first: int, count: int) -> int:
        """Words from one tile of channels to the next of a run of row-blocks (channel-lane layout)."""
        tensor = self.tensor(name)
        if not self.is_streamed(name):
            return tensor.tile_words()
        return aligned(valid_tokens(tensor.tokens, self.arch.array.side, first, count)) * tensor.element_bytes

    def stage_channels(
        self, name: str, channels: tuple[int, int], blocks: tuple[int, int], piece: int, *, into: bool
    ) -> None:
        """Load (or store) a run of channels of a run of row-blocks, both (first, count): a strided transfer.

        A token-lane tensor has one run of bytes in each plane of each row-block; a channel-lane tensor has one in all.
        They stand close together in the staging place.
        """
        tensor = self.tensor(name)
        side, (low, many), (first, count) = self.arch.array.side, channels, blocks
        planes = tensor.element_bytes
        if tensor.layout == TOKEN:
            row = tensor.channels * side
            start = first * row * planes + low * side
            rows = _Rows(start, count * planes, many * side, row, plane_words(many, self.arch))
        else:
            count, row = 0, tensor.frames * tensor.tokens * side
            start = low // side * row * planes
            rows = _Rows(start, ceil_div(many, side) * planes, row, row, tensor.tile_words() // planes)
        self._transfer(name, rows, self.place(name, piece).address, self.access(name, 0, count, piece), into=into)

    def _transfer(self, name: str, rows: _Rows, address: int, access: Access, *, into: bool) -> None:
        """Move rows of a tensor; a load waits for what was stored."""
        dram = self.tensor_dram(name) + rows.offset
        span = (dram, dram + (rows.count - 1) * rows.stride_bytes + rows.row_bytes)
        stored = self._stored.setdefault(name, [])
        # Newest first: a later store of the engine has the higher count.
        overlapping = (count for begin, end, count in reversed(stored) if begin < span[1] and span[0] < end)
        before = next(overlapping, 0) if into else 0
        kind = Load if into else Store
        issued = self.issue(
            kind(
                layer=self.kernel.label,
                dram=dram,
                buffer="activation",
                address=address,
                rows=rows.count,
                row_bytes=rows.row_bytes,
                stride_bytes=rows.stride_bytes,
                step=rows.step,
                layout=self.tensor(name).layout,
                element_bytes=self.tensor(name).element_bytes,
                traffic=self.traffic(name),
            ),
            reads=[] if into else [access],
            writes=[access] if into else [],
            after=[(Engine.STORE, before)] if into else [],
        )
        if not into:
            stored.append((*span, issued))

    def stage_whole(self, names: Iterable[str]) -> None:
        """Load every DRAM operand among the names that is not streamed, whole."""
        for name in dict.fromkeys(n for n in names if n):
            if self.in_dram(name) and not self.is_streamed(name):
                self.stage_in(name, 0, staged_blocks(self.plan, self.kernel, name))

    def store_results(self, names: Iterable[str]) -> None:
        """Store what lives in DRAM or leaves the network, whole."""
        for name in names:
            if (self.in_dram(name) or name in self.plan.outputs) and not self.is_streamed(name):
                self.stage_out(name)

    def address(self, name: str, first: int = 0, piece: int = 0) -> int:
        """Word address of a row-block of a tensor (in its first tile), or nowhere for an absent operand."""
        if not name:
            return NOWHERE
        tensor = self.tensor(name)
        place = self.place(name, piece).address
        if self.is_streamed(name):
            return place
        if tensor.layout == TOKEN:
            return place + first * self._sizes[name].row_block_words
        return place + tensor.first_token(self.arch, first)
