"""What every cycle of every PE is for: instruction by instruction, from what streams and what is waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.mac_slots import MacSlots
from vitaccel.backends.cost_model.reasons import predecessors, reasons
from vitaccel.backends.cost_model.replay import Slot
from vitaccel.backends.cost_model.waits import waits
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.program import Attention, Layer, MatMul, Program
from vitaccel.ir.tensor import turns

MULTIPLIED = "multiplied"
"""Multiplications of values, whether they count as MACs or not."""


def mac_slots(program: Program, slots: Sequence[Slot], end: int, counts: Sequence[tuple[int, int]]) -> list[MacSlots]:
    """Return what becomes of the cycles of all PEs in a run of *end* cycles, layer by layer.

    Parameters
    ----------
    program, slots, end
        The run.
    counts
        MACs and multiplications of every layer. Those of windows are made by the lanes, and are none of these slots.
    """
    parts: list[Counter[str]] = [Counter() for _ in program.layers]
    matmuls: Counter[tuple[int, MatMulShape]] = Counter()
    for instruction, slot, layer in zip(program.instructions, slots, program.kernel_of, strict=True):
        if isinstance(instruction, MatMul):
            matmuls[layer, _shape(instruction, slot, program.arch)] += 1
        elif isinstance(instruction, Attention):
            parts[layer].update(_attention(instruction, slot, program.arch))
    for (layer, shape), count in matmuls.items():
        of_one = _matmul(shape, program.arch)
        parts[layer].update({name: count * each for name, each in of_one.items()})
    pes = program.arch.array.pes
    before = predecessors(program, slots)
    for wait in waits(program, slots, end):
        for reason, cycles in reasons(program, slots, before, wait):
            parts[wait.layer][reason] += cycles * pes
    return [_counted(*of_layer) for of_layer in zip(program.layers, parts, counts, strict=True)]


def _counted(layer: Layer, parts: Counter[str], counts: tuple[int, int]) -> MacSlots:
    """Tell useful from other multiplications.

    Columns between heads, and the row of a class token beside those of patches, are zeros that stand in the program as
    values do.
    """
    multiplied = parts.pop(MULTIPLIED, 0)
    useful, valued = (min(count, multiplied) for count in counts)
    parts["passes"] += valued - useful
    parts["tokens" if layer.op == "conv2d" else "channels"] += multiplied - valued
    return MacSlots(useful=useful, **parts)


class MatMulShape(NamedTuple):
    """Matmuls that are alike: rows, columns and depth, those of their tiles, and cycles."""

    tokens: int
    row_blocks: int
    n: int
    n_tiles: int
    k: int
    cycles: int


def _shape(matmul: MatMul, slot: Slot, arch: Arch) -> MatMulShape:
    if slot.rows < 0:
        return MatMulShape(matmul.tokens, matmul.row_blocks, matmul.n, matmul.n_tiles, matmul.k, slot.occupied)
    blocks = ceil_div(slot.rows, arch.array.side)
    return MatMulShape(slot.rows, blocks, matmul.n, matmul.n_tiles, matmul.k, slot.occupied)


def _matmul(shape: MatMulShape, arch: Arch) -> Counter[str]:
    side, count = arch.array.side, arch.array.count
    rows = shape.tokens, shape.row_blocks * side
    columns = shape.n, turns(arch).most(shape.n_tiles) * count * side
    tiles = _tiles(rows, columns, shape.k, arch, columns="channels")
    tiles["frames"] += shape.cycles * arch.array.pes - tiles.total()
    return tiles


def _attention(attention: Attention, slot: Slot, arch: Arch) -> Counter[str]:
    side, passes = arch.array.side, arch.numerics.numerator_passes
    of_head: Counter[str] = Counter()
    if attention.mode == "none":
        queries, keys = ((count, _filled(count, side)) for count in (attention.queries, attention.keys))
        of_head.update(_tiles(queries, keys, attention.head_dim, arch, columns="keys"))
        values = attention.value_dim, _filled(attention.value_dim, side)
        of_head.update(_tiles(queries, values, passes * attention.keys, arch, columns="channels"))
    else:
        keys, values = ((count, _filled(count, side)) for count in (attention.keys, attention.value_dim))
        digits = max(passes, slot.digits)
        of_head.update(_tiles(keys, values, digits * attention.queries, arch, columns="channels"))
        again = of_head[MULTIPLIED] // digits * (digits - passes)
        of_head.update({MULTIPLIED: -again, "passes": again})
    heads = attention.frames * attention.heads
    parts = Counter({name: count * heads for name, count in of_head.items()})
    # With several arrays, heads that do not fill the last round leave arrays without any.
    rounds = attention.frames * ceil_div(attention.heads, arch.array.count)
    parts["channels"] += (rounds * arch.array.count - heads) * of_head.total()
    others = slot.occupied * arch.array.pes - parts.total()
    parts["softmax"] += others if slot.statistics < 0 else slot.statistics * arch.array.pes
    parts["frames"] += slot.occupied * arch.array.pes - parts.total()
    return parts


def _filled(count: int, side: int) -> int:
    return ceil_div(count, side) * side


def _tiles(rows: tuple[int, int], columns_of: tuple[int, int], depth: int, arch: Arch, *, columns: str) -> Counter[str]:
    """Return what becomes of the PEs while tiles of such a depth stream.

    Parameters
    ----------
    rows, columns_of
        Those there are, and those of the tiles that they are in.
    columns
        What columns are called.
    """
    (used, all_rows), (named, all_columns) = rows, columns_of
    return Counter(
        {
            MULTIPLIED: used * named * depth,
            "tokens": (all_rows - used) * all_columns * depth,
            columns: used * (all_columns - named) * depth,
            "depth": all_rows * all_columns * (max(depth, arch.array.side) - depth),
        }
    )
