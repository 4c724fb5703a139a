"""Cycles of single matrix products beside SCALE-Sim's, with every difference explained to the last cycle.

``python benchmarks/gemm_cycles.py`` prints the tables of ``docs/cost-model.md``; a test compares the two. Our numbers
take the real way: a Graph of one ``linear``, all passes, the Program, the replay. The other tools' were measured with
those tools (SCALE-Sim 3.0.0, ZigZag 3.9.1, ONNXim, Timeloop, AccelForge, MAESTRO), without memory stalls.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vitaccel.arch import Arch, load_preset
from vitaccel.backends.cost_model.predict import ModelFacts, predict
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.compiler import compile_graph
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Linear
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.program import MatMul, Program
from vitaccel.ir.tensor import turns
from vitaccel.ir.types import TensorType

ROOM = {"buffers.activation_bytes": str(4 << 20)}
"""Operand and int16 result of every product here stay on chip, so each byte crosses the port once."""

KEEPS_UP = {"memory.bus_bits": "512", "memory.ports": "32", "memory.latency_cycles": "0"}
"""2048 bytes a cycle and no latency: what is left is the array."""


@dataclass(frozen=True)
class Gemm:
    """``[m, k] @ [k, n]``."""

    name: str
    m: int
    n: int
    k: int

    @property
    def macs(self) -> int:
        """Useful multiply-accumulates."""
        return self.m * self.n * self.k

    def __str__(self) -> str:
        return f"{self.name} {self.m}x{self.n}x{self.k}"


GEMMS = (
    Gemm("qkv", 197, 2304, 768),
    Gemm("QK^T of a head", 197, 197, 64),
    Gemm("A.V of a head", 197, 64, 197),
    Gemm("proj", 197, 768, 768),
    Gemm("fc1", 197, 3072, 768),
)
PROJ = GEMMS[3]

SCALE_SIM_32 = {
    "qkv": (418_320, 502_848),
    "QK^T of a head": (6_174, 4_074),
    "A.V of a head": (3_626, 4_074),
    "proj": (139_440, 167_616),
    "fc1": (557_760, 670_464),
}
"""Measured with SCALE-Sim at 32x32: output-stationary, weight-stationary."""

PEERS = {
    "MAESTRO": (907_777, 226_945, 56_737),
    "ZigZag, mapping search lpf 6": (915_514, 118_879, 34_172),
    "SCALE-Sim, weight-stationary": (559_872, 167_616, 55_728),
    "SCALE-Sim, output-stationary": (497_952, 139_440, 42_912),
    "ONNXim": (479_528, 129_908, 39_904),
    "AccelForge; Timeloop by hand": (453_888, 113_472, 28_368),
}
"""Measured on proj at 16x16, 32x32 and 64x64 PEs; the last row is the MAC bound itself."""

ARRAYS = ("16x16", "32x32", "4x32x32")
"""The arrays the peers' three columns stand against: a side is at most 32, so 64x64 PEs are four arrays of 32x32."""


@dataclass(frozen=True)
class Count:
    """Cycles of one product on one machine, as a sum.

    Parameters
    ----------
    bound
        MACs / PEs.
    padding
        Rows, columns or depth of tiles that hold no operand.
    fill_drain
        Filling and draining the array.
    memory
        Waits for the DRAM port: first operands in, last results out, weights in between.
    """

    who: str
    bound: Fraction
    padding: Fraction
    fill_drain: int
    memory: int = 0

    @property
    def cycles(self) -> Fraction:
        """The sum; a whole number."""
        return self.bound + self.padding + self.fill_drain + self.memory


def compiled(gemm: Gemm, arch: Arch) -> Program:
    """The Program of one product as a linear layer."""
    graph = Graph(gemm.name)
    x = graph.add(Input(), type=TensorType((1, gemm.m, gemm.k)), name="x")
    weight = graph.add_const(np.broadcast_to(np.float32(0), (gemm.k, gemm.n)), parameter=True)
    graph.outputs = [graph.add(Linear(), (x, weight))]
    return compile_graph(graph, arch).program


def predicted(gemm: Gemm, arch: Arch) -> Prediction:
    """What the cost model says of it."""
    return predict(compiled(gemm, arch), ModelFacts({}, gemm.k * gemm.n, gemm.macs, gemm.macs))


def ours(gemm: Gemm, arch: Arch, who: str) -> Count:
    """Our prediction; padding is what the array clocks beyond the useful MACs."""
    cycles = predicted(gemm, arch).cycles
    bound = Fraction(gemm.macs, arch.array.pes)
    return Count(who, bound, cycles.array - bound, cycles.drain, cycles.load + cycles.vector + cycles.store)


def output_stationary(gemm: Gemm, side: int) -> Count:
    """SCALE-Sim: (R + C + K - 2) cycles for each of ceil(M/R) * ceil(N/C) folds; R = C = ``side``."""
    folds = ceil_div(gemm.m, side) * ceil_div(gemm.n, side)
    bound = Fraction(gemm.macs, side * side)
    return Count("SCALE-Sim, output-stationary", bound, folds * gemm.k - bound, folds * (2 * side - 2))


def weight_stationary(gemm: Gemm, side: int) -> Count:
    """SCALE-Sim: (2R + C + M - 2) cycles for each of ceil(K/R) * ceil(N/C) folds; R = C = ``side``."""
    folds = ceil_div(gemm.k, side) * ceil_div(gemm.n, side)
    bound = Fraction(gemm.macs, side * side)
    return Count("SCALE-Sim, weight-stationary", bound, folds * gemm.m - bound, folds * (3 * side - 2))


def serial_cycles(program: Program) -> int:
    """Our own tiles one after another: each fills, accumulates K cycles and drains before the next may start."""
    side, banks = program.arch.array.side, turns(program.arch)
    matmuls = [i for i in program.instructions if isinstance(i, MatMul)]
    return sum(i.row_blocks * banks.most(i.n_tiles) * (i.k + 2 * side - 2) for i in matmuls)


def machine(array: str, **settings: str) -> Arch:
    """The preset ``default`` with another array and room for the operands."""
    return load_preset("default").with_pe(array).with_settings(ROOM | settings)


def counts(gemm: Gemm, array: str = "32x32") -> tuple[Count, ...]:
    """Ours with two memories, and SCALE-Sim's two dataflows on as many PEs."""
    fast, slow = machine(array, **KEEPS_UP), machine(array)
    side = round(fast.array.pes**0.5)
    return (
        ours(gemm, fast, f"vitaccel {fast.array}, memory keeps up"),
        ours(gemm, slow, f"vitaccel {slow.array}, one 128-bit port"),
        output_stationary(gemm, side),
        weight_stationary(gemm, side),
    )


def difference(mine: Count, theirs: Count) -> str:
    """One sentence: where ours minus theirs comes from; the three terms sum to it."""
    terms = {
        "padding": mine.padding - theirs.padding,
        "fill and drain": mine.fill_drain - theirs.fill_drain,
        "memory": mine.memory - theirs.memory,
    }
    assert sum(terms.values()) == mine.cycles - theirs.cycles
    said = ", ".join(f"{name} {int(value):+,}" for name, value in terms.items())
    return f"{int(mine.cycles - theirs.cycles):+,} = {said}"


def report() -> str:
    """Both tables."""
    return "\n".join([*_gemm_table(), "", *_peer_table()]) + "\n"


def _gemm_table() -> list[str]:
    titles = f"{'cycles':>9}{'MAC bound':>13}{'padding':>11}{'fill, drain':>13}{'memory':>9}"
    lines = ["Cycles = MAC bound + padding + fill, drain + memory", f"{'197 tokens, 1024 PEs':36}{titles}"]
    for gemm in GEMMS:
        rows = counts(gemm)
        lines.append(str(gemm))
        lines += [_row(row) for row in rows]
        lines.append(f"  our tiles, one after another{serial_cycles(compiled(gemm, machine('32x32'))):>17,}")
        lines.append(f"  ours - output-stationary: {difference(rows[0], rows[2])}")
        lines.append(f"  ours - weight-stationary: {difference(rows[0], rows[3])}")
    return lines


def _row(count: Count) -> str:
    exact = f"{float(count.bound):>13,.1f}{float(count.padding):>11,.1f}"
    return f"  {count.who:34}{int(count.cycles):>9,}{exact}{count.fill_drain:>13,}{count.memory:>9,}"


def _peer_table() -> list[str]:
    lines = [f"{PROJ} in other tools", f"{'PEs':34}{'16x16':>10}{'32x32':>10}{'64x64':>10}"]
    table = PEERS | {
        "vitaccel, one 128-bit port": tuple(int(counts(PROJ, array)[1].cycles) for array in ARRAYS),
        "vitaccel, memory keeps up": tuple(int(counts(PROJ, array)[0].cycles) for array in ARRAYS),
    }
    lines += [f"  {who:32}" + "".join(f"{cycles:>10,}" for cycles in row) for who, row in table.items()]
    best = counts(PROJ, ARRAYS[2])
    lines.append(f"  64x64, ours - output-stationary: {difference(best[0], best[2])}")
    return lines


if __name__ == "__main__":
    print(report(), end="")
