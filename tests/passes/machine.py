"""A machine that moves names instead of numbers: it runs a Program word by word and knows what every word must hold.

Every on-chip word carries the name of what was written there: which tensor, which of its words, which expert. Every
instruction says, from its own fields and the shapes of its kernel, which words it reads, what they must hold, and
which words it writes. Under any durations, a word must hold the right name from the start of every reader to its end,
nobody may write a word that is being read, and two engines may not write one word at once. So a wait that is missing,
an address that is off and a piece of a tensor that is never written all show, and no pass is trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from tests.passes.experts import Experts
from tests.passes.layout import Layout, own_tile, tiles_of_a_part
from tests.passes.memory import Footprint, HazardError, Memory, Touch
from vitaccel.arch import PARAMETER_BYTES
from vitaccel.ir.parameters import TABLE_SLOTS, parameter_sets
from vitaccel.ir.plan import CHANNEL, AttentionKernel, Kernel, LaneKernel, MatMulKernel, MoeKernel, Plan, operand_rows
from vitaccel.ir.program import (
    NOWHERE,
    Attention,
    Engine,
    Instruction,
    Lane,
    Load,
    MatMul,
    Program,
    Transfer,
)

MEMORIES = ("chip", "ring", "dram", "parameter", "table", "moments")

DONE, FREE, START = range(3)
"""Events of an instruction, in the order in which they happen when they happen in one cycle."""


class Machine:
    """Footprints of a Program's instructions, and runs of it under any durations.

    Parameters
    ----------
    plan, program
        The allocated Plan, and the Program scheduled from it.
    """

    def __init__(self, plan: Plan, program: Program) -> None:
        self.plan, self.program = plan, program
        self.side, self.count = program.arch.array.side, program.arch.array.count
        self.layouts = {n: Layout(t, i + 1, self.side, self.count) for i, (n, t) in enumerate(plan.tensors.items())}
        self.progress: Counter[object] = Counter()
        self.ring: dict[int, int] = {}
        self.sums: dict[int, int] = {}
        self.experts: dict[int, Experts] = {}
        self.footprints = []
        for at, instruction in zip(program.kernel_of, program.instructions, strict=True):
            self.at = at
            footprint = self._footprint(plan.kernels[at], instruction)
            footprint.reads += self._constants(plan.kernels[at], instruction)
            self.footprints.append(footprint)

    # -- what an instruction touches -------------------------------------------------------------------------------
    def _footprint(self, kernel: object, instruction: Instruction) -> Footprint:
        if isinstance(instruction, Transfer):
            if instruction.buffer in ("parameter", "table"):
                return self._load_constants(instruction)
            return self._weights(kernel, instruction) if instruction.buffer == "weight" else self._move(instruction)
        if isinstance(kernel, MoeKernel):
            return self._experts(kernel, instruction)
        if isinstance(kernel, MatMulKernel) and isinstance(instruction, MatMul):
            return self._matmul(kernel, instruction)
        if isinstance(kernel, AttentionKernel) and isinstance(instruction, Attention):
            return self._attention(kernel, instruction)
        assert isinstance(kernel, LaneKernel)
        assert isinstance(instruction, Lane)
        return (
            self._join(kernel, instruction) if kernel.function.startswith("join_") else self._lane(kernel, instruction)
        )

    def _named_in_dram(self, transfer: Transfer) -> tuple[str, int]:
        """What a transfer moves, and where in it the transfer begins."""
        for name, (address, size) in self.program.dram_map.items():
            if address <= transfer.dram < address + size:
                last = transfer.dram + (transfer.rows - 1) * transfer.stride_bytes + transfer.row_bytes
                if last > address + size:
                    raise HazardError(f"{transfer} must stay in {name}")
                return name, transfer.dram - address
        raise HazardError(f"{transfer} must move something that has a place in DRAM")

    def _weights(self, kernel: object, load: Transfer) -> Footprint:
        """Weights are named by the DRAM address of the chunk."""
        name, _ = self._named_in_dram(load)
        tile_bytes = self._tile_bytes(kernel, second=name.endswith(".w2"))
        assert load.row_bytes == load.stride_bytes == tile_bytes
        assert (load.layout, load.step) == (CHANNEL, -(-tile_bytes // self.side))
        words = tiles_of_a_part(load.rows, self.side, self.count) * load.step
        self.ring[load.address] = load.dram
        return Footprint(writes=[Touch("ring", load.address + np.arange(words), np.full(words, load.dram))])

    def _load_constants(self, load: Transfer) -> Footprint:
        """Parameter sets are named by their DRAM address, one by one; a table by the address of its first entry."""
        self._named_in_dram(load)
        assert load.rows == 1
        if load.buffer == "table":
            return Footprint(writes=[Touch("table", np.array([load.address]), np.array([load.dram]))])
        sets = np.arange(load.row_bytes // PARAMETER_BYTES)
        return Footprint(writes=[Touch("parameter", load.address + sets, load.dram + PARAMETER_BYTES * sets)])

    def _constants(self, kernel: Kernel, instruction: Instruction) -> list[Touch]:
        """Parameter sets and table that an instruction reads, those of its own kernel."""
        found, stem = [], f"{kernel.node}.{kernel.op}"
        if getattr(instruction, "table", NOWHERE) >= 0:
            dram = self.program.dram_map[f"{stem}.table"][0]
            found.append(Touch("table", np.array([getattr(instruction, "table")]), np.array([dram])))  # noqa: B009
        parameters = getattr(instruction, "parameters", NOWHERE)
        if parameters >= 0:
            first, sets = 0, parameter_sets(kernel, self.side)
            if isinstance(instruction, Attention):
                sets = 2 * instruction.heads
                first = 2 * (self.progress[self.at] - instruction.heads)
            held = np.arange(sets)
            dram = self.program.dram_map[f"{stem}.parameters"][0]
            names = dram + PARAMETER_BYTES * (first + held)
            found.append(Touch("parameter", parameters + held, names))
        return found

    def _tile_bytes(self, kernel: object, *, second: bool = False) -> int:
        """K x P weights, and eight bytes of parameters for each of P channels."""
        assert isinstance(kernel, MatMulKernel | MoeKernel)
        k = kernel.k if isinstance(kernel, MatMulKernel) else kernel.hidden if second else kernel.width_in
        return -(-k * self.side * self.program.arch.numerics.weight_bits // 8) + 8 * self.side

    def _move(self, transfer: Transfer) -> Footprint:
        name, offset = self._named_in_dram(transfer)
        layout = self.layouts[name]
        assert (transfer.layout, transfer.element_bytes) == (layout.tensor.layout, layout.bytes)
        on_chip: dict[int, int] = {}
        grains: list[int] = []
        for row in range(transfer.rows):
            begin, rest = divmod(offset + row * transfer.stride_bytes, self.side)
            many, more = divmod(transfer.row_bytes, self.side)
            assert (rest, more) == (0, 0)
            grains += range(begin, begin + many)
            on_chip |= self._row_of(layout, transfer, row, begin, many)
        in_dram = self._grains(name, transfer.dram - offset, np.array(grains))
        chip = Touch("chip", np.array(list(on_chip)), np.array(list(on_chip.values())))
        if isinstance(transfer, Load):
            return Footprint(reads=[in_dram], writes=[chip])
        return Footprint(reads=[chip], writes=[in_dram])

    def _row_of(self, layout: Layout, transfer: Transfer, row: int, begin: int, many: int) -> dict[int, int]:
        """Words on chip of one row of a transfer, and their names: of one plane, tokens of a tile or channels."""
        planes = layout.bytes
        if layout.tensor.layout == CHANNEL:
            run, first = divmod(begin, layout.tokens)
            assert first + many <= layout.tokens
            (tile, plane), (nth, of_row) = divmod(run, planes), divmod(row, planes)
            assert plane == of_row
            tokens, span = np.arange(first, first + many), (tile * self.side, (tile + 1) * self.side)
            run_on_chip = own_tile(nth, self.side, self.count) * planes + of_row
            address = transfer.address + run_on_chip * transfer.step
            names = layout.columns(tokens, *span).reshape(-1, planes)[:, plane]
            return dict(zip((address + np.arange(many)).tolist(), names.tolist(), strict=True))
        run, low = divmod(begin, layout.tensor.channels)
        assert low + many <= layout.tensor.channels
        block, plane = divmod(run, planes)
        names = layout.rows(block, 1, low, low + many).reshape(-1, planes)[:, plane]
        words = layout.rows_at(transfer.address + row * transfer.step, 0, 1, low, low + many).reshape(-1, planes)[:, 0]
        return dict(zip(words.tolist(), names.tolist(), strict=True))

    def _matmul(self, kernel: MatMulKernel, matmul: MatMul) -> Footprint:
        tile = 0
        if not kernel.b:
            base, size = self.program.dram_map[f"{kernel.node}.weights"][0], self._tile_bytes(kernel)
            tile = (self.ring[matmul.weight] - base) // size
        first = self._advance((self.at, tile), matmul.row_blocks)
        group, inner = divmod(tile, kernel.n_tiles // kernel.groups)
        channel = group * (kernel.n // kernel.groups) + inner * self.side
        width = self.layouts[kernel.a].tensor.channels // kernel.groups
        span = (group * width, (group + 1) * width)
        touched = Footprint([self._operand(kernel, kernel.a, matmul.a, (first, matmul.row_blocks), span)])
        if kernel.b:
            b = self.layouts[kernel.b]
            frame = first // -(-kernel.tokens // self.side) if b.tensor.frames > 1 else 0
            rows = frame * b.blocks_per_frame, b.blocks_per_frame
            words = b.part_at(matmul.b, matmul.b_step, rows, 0, b.tensor.channels)
            touched.reads.append(Touch("chip", words, b.part(*rows, 0, b.tensor.channels)))
        else:
            touched.reads.append(self._chunk(matmul, size, base + tile * size))
        out = self.layouts[kernel.out]
        end = min(
            channel + matmul.n_tiles * self.side,
            out.tensor.channels,
            (group + 1) * out.tensor.channels // kernel.groups,
        )
        if kernel.residual:
            stop = min(end, self.layouts[kernel.residual].tensor.channels)
            rows = first, matmul.row_blocks
            step = matmul.residual_step
            touched.reads.append(self._operand(kernel, kernel.residual, matmul.residual, rows, (channel, stop), step))
        run = first, matmul.row_blocks
        words = out.part_at(matmul.out, matmul.out_step, run, channel, end)
        touched.writes.append(Touch("chip", words, out.part(*run, channel, end)))
        if matmul.moments >= 0:
            touched.writes.append(self._taken(matmul, out, run, channel))
        return touched

    def _taken(self, matmul: MatMul, out: Layout, run: tuple[int, int], channel: int) -> Touch:
        """Moments are named by their row-block and by how many channels are summed up; columns drain in order."""
        places = matmul.moments + np.arange(matmul.row_blocks)
        if matmul.begins_moments:
            assert channel == 0
        else:
            assert [self.sums[at] for at in places.tolist()] == out.moments(*run, channel).tolist()
        names = out.moments(*run, channel + matmul.n)
        self.sums |= dict(zip(places.tolist(), names.tolist(), strict=True))
        return Touch("moments", places, names)

    def _advance(self, key: object, blocks: int) -> int:
        """Rows of one kernel (and tile) are worked on in order."""
        self.progress[key] += blocks
        return self.progress[key] - blocks

    def _chunk(self, matmul: MatMul, tile_bytes: int, dram: int) -> Touch:
        words = tiles_of_a_part(matmul.n_tiles, self.side, self.count) * -(-tile_bytes // self.side)
        return Touch("ring", matmul.weight + np.arange(words), np.full(words, dram))

    def _operand(
        self,
        kernel: MatMulKernel | LaneKernel,
        name: str,
        address: int,
        run: tuple[int, int],
        span: tuple[int, int],
        step: int = 0,
    ) -> Touch:
        """Channels of the rows of an operand that a run of the kernel's row-blocks needs."""
        layout = self.layouts[name]
        rows = operand_rows(self.plan, kernel, name).needed(*run)
        if isinstance(kernel, LaneKernel) and not kernel.row_wise:
            rows = 0, layout.blocks
        words = layout.part_at(address, step or layout.own_step(), rows, *span)
        return Touch("chip", words, layout.part(*rows, *span))

    def _attention(self, kernel: AttentionKernel, attention: Attention) -> Footprint:
        first = self._advance(self.at, attention.heads)
        touched = Footprint()
        steps = {"q": attention.q_step, "k": attention.k_step, "v": attention.v_step, "out": attention.out_step}
        steps |= {"residual": attention.residual_step, "logits": attention.logits_step}
        for title, step in steps.items():
            name = getattr(kernel, title)
            if not name:
                continue
            layout = self.layouts[name]
            width = kernel.queries if title == "logits" else layout.tensor.channels // kernel.heads
            span = first * width, (first + attention.heads) * width
            written = title == "out" or (title == "logits" and kernel.mode == "none")
            if title == "logits" and written and attention.heads == kernel.heads:
                span = 0, layout.tensor.channels  # idle arrays write their share of the logits too
            words = layout.part_at(getattr(attention, title), step, (0, layout.blocks), *span)
            touch = Touch("chip", words, layout.part(0, layout.blocks, *span))
            (touched.writes if written else touched.reads).append(touch)
        if kernel.mask:
            touched.reads.append(self._whole(kernel.mask, attention.mask))
        return touched

    def _whole(self, name: str, address: int) -> Touch:
        layout = self.layouts[name]
        words = layout.part_at(address, layout.own_step(), (0, layout.blocks), 0, layout.tensor.channels)
        return Touch("chip", words, layout.part(0, layout.blocks, 0, layout.tensor.channels))

    def _lane(self, kernel: LaneKernel, lane: Lane) -> Footprint:
        run = self._advance(self.at, lane.row_blocks), lane.row_blocks
        touched = Footprint()
        for name, address in zip(kernel.operands, (lane.a, lane.b), strict=False):
            channels = self.layouts[name].tensor.channels
            span = 0, min(channels, lane.channels) if kernel.row_wise else channels
            touched.reads.append(self._operand(kernel, name, address, run, span))
        if kernel.function == "layernorm":
            assert lane.passes == (1 if lane.moments >= 0 else 2)
        if lane.moments >= 0:
            layout = self.layouts[kernel.operands[0]]
            places = lane.moments + np.arange(lane.row_blocks)
            touched.reads.append(Touch("moments", places, layout.moments(*run, layout.tensor.channels)))
        out = self.layouts[kernel.out]
        words = out.part_at(lane.out, lane.out_step or out.own_step(), run, 0, out.tensor.channels)
        touched.writes.append(Touch("chip", words, out.part(*run, 0, out.tensor.channels)))
        return touched

    def _join(self, kernel: LaneKernel, lane: Lane) -> Footprint:
        """Operand after operand, frame after frame; a word that two operands share keeps its name."""
        at, frame = divmod(self._advance(self.at, 1), kernel.frames)
        source, out = self.layouts[kernel.operands[at]], self.layouts[kernel.out]
        before = [self.layouts[n].tensor for n in kernel.operands[:at]]
        tokens, channels = sum(t.tokens for t in before), 0
        if kernel.function == "join_channels":
            tokens, channels = 0, sum(t.channels for t in before)
        own = (frame * source.blocks_per_frame if source.tensor.frames > 1 else 0), source.blocks_per_frame
        width = source.tensor.channels
        read = Touch("chip", source.part_at(lane.a, source.own_step(), own, 0, width), source.part(*own, 0, width))
        first, shift = divmod(tokens, self.side)
        run = frame * out.blocks_per_frame + first, -(-(shift + source.tensor.tokens) // self.side)
        span = channels, channels + width
        words = out.part_at(lane.out, lane.out_step, run, *span)
        reads = [read]
        if shift:  # tokens that stand in the first row-block's other lanes are read and written again
            shared = run[0], 1
            reads.append(Touch("chip", out.part_at(lane.out, lane.out_step, shared, *span), out.part(*shared, *span)))
        return Footprint(reads, [Touch("chip", words, out.part(*run, *span))])

    def _experts(self, kernel: MoeKernel, instruction: Instruction) -> Footprint:
        experts = self.experts.setdefault(self.at, Experts(kernel, self.layouts, self.side))
        if not isinstance(instruction, MatMul):
            return experts.footprint(instruction)
        name = self._named_in_dram(Load(layer="", dram=self.ring[instruction.weight], buffer="weight", address=0))[0]
        second = name == f"{kernel.node}.expert{instruction.expert}.w2"
        assert second or name == f"{kernel.node}.expert{instruction.expert}.w1"
        base, size = self.program.dram_map[name][0], self._tile_bytes(kernel, second=second)
        tile = (self.ring[instruction.weight] - base) // size
        a, out = experts.matmul(instruction, second=second, tile=tile)
        return Footprint([a, self._chunk(instruction, size, base + tile * size)], [out])

    # -- running it ------------------------------------------------------------------------------------------------
    def run(self, durations: Sequence[tuple[int, int]]) -> None:
        """Run under (occupied, latency) cycles for each instruction; a word that is not right raises HazardError."""
        memories = {name: Memory(self._size(name)) for name in MEMORIES}
        self._host(memories["dram"].fill, ("input", "constant"))
        for _, event, at in sorted(self._events(durations)):
            footprint, engine = self.footprints[at], self.program.instructions[at].engine
            try:
                for touch in footprint.writes if event == DONE else ():
                    memories[touch.memory].end_write(touch)
                for touch in footprint.reads if event == FREE else ():
                    memories[touch.memory].readers[touch.words] -= 1
                for touch in footprint.reads if event == START else ():
                    memories[touch.memory].begin_read(touch)
                for touch in footprint.writes if event == START else ():
                    own = [read for read in footprint.reads if read.memory == touch.memory]
                    memories[touch.memory].begin_write(touch, engine, own)
            except HazardError as hazard:
                raise HazardError(f"instruction {at}, {self.program.instructions[at]}: {hazard}") from None
        self._host(memories["dram"].must_hold, ("output",))

    def _events(self, durations: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """Engines take their instructions in order; a wait is for so many completed instructions of an engine."""
        free, completed = [0] * len(Engine), [[0] for _ in Engine]
        events = []
        for at, (instruction, (occupied, latency)) in enumerate(zip(self.program.instructions, durations, strict=True)):
            engine = instruction.engine
            start = max(free[engine], *(completed[e][n] for e, n in enumerate(instruction.waits)))
            free[engine] = start + occupied
            completed[engine].append(max(completed[engine][-1], start + occupied + latency))
            events += [(start, START, at), (free[engine], FREE, at), (completed[engine][-1], DONE, at)]
        return events

    def _size(self, memory: str) -> int:
        buffers, lanes = self.program.arch.buffers, self.side * self.count
        sizes = {"chip": buffers.activation_bytes // lanes // 8 * 8, "ring": buffers.weight_bytes // lanes}
        sizes |= {"parameter": buffers.parameter_bytes // PARAMETER_BYTES, "table": TABLE_SLOTS}
        sizes |= {"moments": buffers.moment_blocks}
        return sizes.get(memory, self.program.dram_bytes)

    def _host(self, use: Callable[[Touch], None], kinds: tuple[str, ...]) -> None:
        for name, (address, size) in self.program.dram_map.items():
            if name in self.layouts and self.plan.tensors[name].kind in kinds:
                grains = np.arange(size // self.side)
                use(self._grains(name, address, grains))

    def _grains(self, name: str, address: int, grains: np.ndarray) -> Touch:
        """DRAM is watched at the first byte of every word of lanes."""
        layout = self.layouts[name]
        return Touch("dram", address + grains * self.side, layout.named(grains))
