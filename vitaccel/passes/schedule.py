"""Turn kernels into instructions: double-buffered weights, row groups where engines chain, waits from accesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.plan import AttentionKernel, LaneKernel, MatMulKernel, MoeKernel, Plan
from vitaccel.ir.program import Program
from vitaccel.passes.emission.attention import emit_attention
from vitaccel.passes.emission.emitter import Emitter
from vitaccel.passes.emission.lane import emit_lane
from vitaccel.passes.emission.matmul import emit_matmul
from vitaccel.passes.emission.moe import emit_moe


@dataclass(frozen=True)
class Schedule:
    """Emit kernels in order.

    Parameters
    ----------
    row_groups
        Pieces in which a matmul hands its rows to the vector engine and takes them from it, so that LayerNorm of the
        first rows overlaps with the matmul of the others.
    weight_chunks
        Most pieces in which the weights of one matmul are loaded.
    """

    name: ClassVar[str] = "schedule"
    row_groups: int = 8
    weight_chunks: int = 16

    def run(self, plan: Plan) -> Program:
        """Return the Program."""
        emitter = Emitter(plan, row_groups=self.row_groups, weight_chunks=self.weight_chunks)
        for at, kernel in enumerate(plan.kernels):
            emitter.begin(at)
            if isinstance(kernel, MatMulKernel):
                emit_matmul(emitter, kernel)
            elif isinstance(kernel, AttentionKernel):
                emit_attention(emitter, kernel)
            elif isinstance(kernel, MoeKernel):
                emit_moe(emitter, kernel)
            elif isinstance(kernel, LaneKernel):
                emit_lane(emitter, kernel)
        return emitter.finish()
