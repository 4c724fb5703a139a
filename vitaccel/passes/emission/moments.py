"""Places in the memory of moments: whose rows have their sums taken as they drain, and until when these are kept.

A matmul that leaves the rows of a LayerNorm takes their sums and sums of squares on the way, so that the LayerNorm
streams them once. The moments of a tensor stand row-block by row-block from a place on, from the kernel that writes it
to the last LayerNorm that reads it; where there is no such place, a LayerNorm streams its rows twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from vitaccel.ir.plan import TOKEN, LaneKernel, MatMulKernel, Plan, kernel_writes, operand_rows
from vitaccel.ir.program import NOWHERE, Engine

MOMENT_BYTES = 2
"""Bytes of the numbers that moments are taken of."""


class Moments:
    """The memory of moments under construction.

    Parameters
    ----------
    plan
        Allocated Plan; ``arch.buffers.moment_blocks`` is how many row-blocks the memory holds.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.blocks = plan.arch.buffers.moment_blocks
        self._layernorms = _layernorms(plan)
        self._held: dict[str, range] = {}
        self._next = 0
        self._read = [0] * self.blocks

    def take(self, kernel: MatMulKernel) -> None:
        """Give the result of a kernel a place where LayerNorms profit from it and it fits: the next that is free."""
        size = self.plan.tensors[kernel.out].row_blocks(self.plan.arch)
        if not self._layernorms.get(kernel.out):
            return
        for start in self._candidates():
            place = range(start, start + size)
            if place.stop <= self.blocks and not any(_overlap(place, held) for held in self._held.values()):
                self._held[kernel.out] = place
                self._next = place.stop
                return

    def _candidates(self) -> Iterator[int]:
        """Where a place may begin: behind the last one given, or behind any that is held; then from the beginning."""
        ends = sorted(held.stop for held in self._held.values())
        yield self._next
        yield from (end for end in ends if end > self._next)
        yield 0
        yield from ends

    def place(self, kernel: MatMulKernel | LaneKernel, first: int) -> int:
        """Place of a row-block of what a matmul writes or a LayerNorm reads, or nowhere."""
        held = self._place_of(kernel)
        return held.start + first if held else NOWHERE

    def free(self, kernel: MatMulKernel, first: int, count: int) -> list[tuple[Engine, int]]:
        """What must have completed before a matmul takes moments of a run of row-blocks.

        That is everything that read what stood there before. What wrote it was of the engine that writes now, which
        drains in order.
        """
        held = self._place_of(kernel)
        return [(Engine.VECTOR, max(self._read[at] for at in held[first : first + count]))] if held else []

    def note_read(self, kernel: LaneKernel, first: int, count: int, issued: int) -> None:
        """Record that the vector engine's instruction of this count reads a run of row-blocks."""
        for at in (self._place_of(kernel) or range(0))[first : first + count]:
            self._read[at] = issued

    def finish(self, kernel: LaneKernel) -> None:
        """Record that a kernel is emitted; the place of what it read is free when no other needs it."""
        for tensor in kernel.operands:
            left = self._layernorms.get(tensor, [])
            if kernel in left:
                left.remove(kernel)
                if not left:
                    self._held.pop(tensor, None)

    def _place_of(self, kernel: MatMulKernel | LaneKernel) -> range | None:
        if isinstance(kernel, MatMulKernel):
            return self._held.get(kernel.out)
        tensor = kernel.operands[0] if kernel.operands else ""
        return self._held.get(tensor) if kernel in self._layernorms.get(tensor, []) else None


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def _layernorms(plan: Plan) -> dict[str, list[LaneKernel]]:
    """The LayerNorms that profit from moments of a tensor, by tensor."""
    written: dict[str, int] = {}
    for kernel in plan.kernels:
        for name in kernel_writes(kernel):
            written[name] = written.get(name, 0) + 1
    found: dict[str, list[LaneKernel]] = {}
    for kernel in plan.kernels:
        if isinstance(kernel, MatMulKernel) and written[kernel.out] == 1 and _drains_rows(plan, kernel):
            found[kernel.out] = [
                each for each in plan.kernels if isinstance(each, LaneKernel) and _reads_rows(plan, each, kernel.out)
            ]
    return found


def _drains_rows(plan: Plan, kernel: MatMulKernel) -> bool:
    """Whether results drain as the tensor's rows, int16 and all channels of a row in order."""
    out = plan.tensors[kernel.out]
    is_plain = not (kernel.activation or kernel.groups > 1 or out.heads)
    is_whole = operand_rows(plan, kernel, kernel.out).aligned and kernel.frames == out.frames
    return kernel.moments and is_plain and is_whole and (out.layout, out.element_bytes) == (TOKEN, MOMENT_BYTES)


def _reads_rows(plan: Plan, kernel: LaneKernel, name: str) -> bool:
    """Whether a kernel is a LayerNorm of a tensor, row for row."""
    if kernel.function != "layernorm" or kernel.operands != (name,):
        return False
    tensor = plan.tensors[name]
    is_whole = operand_rows(plan, kernel, name).aligned and kernel.frames == tensor.frames
    return is_whole and kernel.channels == tensor.channels
