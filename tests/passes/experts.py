"""Words that the instructions of a layer of experts touch, group of tokens by group."""

from __future__ import annotations

from collections.abc import Mapping

from tests.passes.layout import Layout
from tests.passes.memory import Footprint, Touch
from vitaccel.ir.plan import MoeKernel
from vitaccel.ir.program import Gather, Instruction, Lane, MatMul, Route, ScatterAdd


class Experts:
    """One layer of experts on its way through the Program; the last route says which tokens are meant.

    Parameters
    ----------
    kernel
        Its kernel.
    layouts
        Of all tensors.
    side
        P.
    """

    def __init__(self, kernel: MoeKernel, layouts: Mapping[str, Layout], side: int) -> None:
        self.kernel, self.layouts, self.side = kernel, layouts, side
        self.copies = len(kernel.staging) // 3
        self.blocks = 0
        self.started: set[int] = set()
        self.summed: set[int] = set()
        self.run = (0, 0)
        self.group = -1

    def footprint(self, instruction: Instruction) -> Footprint:
        """What any instruction but a matmul reads and writes."""
        kernel = self.kernel
        if isinstance(instruction, Lane):
            return self._start(instruction)
        if isinstance(instruction, Route):
            return self._route(instruction)
        gathered, _, result = self.staging(instruction.expert)
        if isinstance(instruction, Gather):
            x = self._rows(kernel.x, instruction.a, instruction.a_step)
            return Footprint([x], [self.staged(gathered, instruction.out, instruction.out_step, instruction.expert)])
        assert isinstance(instruction, ScatterAdd)
        assert instruction.frame_tokens == kernel.tokens
        rows = set(range(self.run[0], sum(self.run)))
        begun = self.started | self.summed
        # The first result is added to the residual where it stands, if nobody has copied it.
        held = kernel.out if rows <= begun else kernel.residual
        assert held
        assert rows <= begun or not rows & begun
        self.summed |= rows
        own = self.staged(result, instruction.a, instruction.a_step, instruction.expert)
        sums = [self._rows(name, instruction.out, instruction.out_step) for name in (held, kernel.out)]
        return Footprint([own, sums[0]], [sums[1]])

    def _start(self, lane: Lane) -> Footprint:
        """Rows of the residual, or zeros, become rows of the output, in order."""
        first = len(self.started)
        self.run = first, lane.row_blocks
        self.started |= set(range(first, first + lane.row_blocks))
        assert (lane.function == "copy") == bool(self.kernel.residual)
        reads = [self._rows(self.kernel.residual, lane.a, lane.a_step)] if self.kernel.residual else []
        return Footprint(reads, [self._rows(self.kernel.out, lane.out, lane.out_step)])

    def _route(self, route: Route) -> Footprint:
        """The next row-blocks: whole frames, or a part of one."""
        kernel, layout = self.kernel, self.layouts[self.kernel.logits]
        first = self.blocks
        self.run, self.blocks, self.group = (first, route.row_blocks), first + route.row_blocks, self.group + 1
        per_frame = layout.blocks_per_frame
        whole = first % per_frame == 0 and route.row_blocks % per_frame == 0
        assert whole or first // per_frame == (self.blocks - 1) // per_frame
        assert route.tokens == len(layout.tokens_of(*self.run))
        assert (route.frame_tokens, route.experts, route.k) == (kernel.tokens, kernel.experts, kernel.k)
        assert not route.capacity or self.run == (0, layout.blocks), "what is dropped depends on all tokens"
        return Footprint([self._rows(kernel.logits, route.logits, layout.own_step())])

    def _rows(self, name: str, address: int, step: int) -> Touch:
        """The group's rows of an operand or of the output."""
        layout = self.layouts[name]
        span = 0, layout.tensor.channels
        return Touch("chip", layout.part_at(address, step, self.run, *span), layout.part(*self.run, *span))

    def staging(self, expert: int) -> tuple[str, str, str]:
        """Gathered, hidden and result tensors of an expert."""
        gathered, hidden, result = self.kernel.staging[3 * (expert % self.copies) :][:3]
        return gathered, hidden, result

    @property
    def staged_blocks(self) -> int:
        """Row-blocks of the longest queue the group can have."""
        return -(-self.staged_rows // self.side)

    @property
    def staged_rows(self) -> int:
        """Its tokens."""
        tokens = len(self.layouts[self.kernel.x].tokens_of(*self.run))
        return min(tokens, self.kernel.capacity) if self.kernel.capacity else tokens

    def staged(self, name: str, address: int, step: int, expert: int, span: tuple[int, int] | None = None) -> Touch:
        """Channels of all rows an expert may have in a staging tensor, named by expert and group."""
        layout, blocks = self.layouts[name], self.staged_blocks
        low, high = span or (0, layout.tensor.channels)
        slot = self.group * self.kernel.experts + expert + 1
        words = layout.rows_at(address, step, blocks, low, high)
        return Touch("chip", words, layout.rows(0, blocks, low, high, slot))

    def matmul(self, matmul: MatMul, *, second: bool, tile: int) -> tuple[Touch, Touch]:
        """Operand and result of one of an expert's matmuls, from a tile of columns on."""
        assert (matmul.row_blocks, matmul.tokens) == (self.staged_blocks, self.staged_rows)
        gathered, hidden, result = self.staging(matmul.expert)
        target = self.layouts[result if second else hidden]
        span = tile * self.side, min((tile + matmul.n_tiles) * self.side, target.tensor.channels)
        a = self.staged(hidden if second else gathered, matmul.a, matmul.a_step, matmul.expert)
        return a, self.staged(target.tensor.name, matmul.out, matmul.out_step, matmul.expert, span)
