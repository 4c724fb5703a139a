"""Loads into the rings: weight tiles, parameter sets and activation tables, each ahead of what reads it."""

from __future__ import annotations

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.errors import CapacityError
from vitaccel.ir.parameters import parameter_sets, table_bytes
from vitaccel.ir.plan import CHANNEL, ceil_div
from vitaccel.ir.program import Engine, Load
from vitaccel.ir.tensor import turns
from vitaccel.passes.dependencies import RingChunk
from vitaccel.passes.emission.emitter import Chunk, Emitter


def chunk_sizes(emitter: Emitter, n_tiles: int, tile_bytes: int) -> list[int]:
    """Tiles of each weight chunk: whole rounds of all arrays, at most a quarter of the ring where possible.

    Raises
    ------
    CapacityError
        If the ring cannot hold a round: one tile, or with several arrays a turn of tiles for each.
    """
    side, count, banks = emitter.arch.array.side, emitter.arch.array.count, turns(emitter.arch)
    tile_words, words = ceil_div(tile_bytes, side), emitter.weight_ring.words
    fewest = min(n_tiles, banks.round_tiles)
    if banks.most(fewest) * tile_words > words:
        need = banks.most(fewest) * tile_words * side * count
        tiles = "one tile of weights takes" if fewest == 1 else f"{fewest} tiles of weights take"
        raise CapacityError(
            f"{emitter.kernel.label} ({emitter.kernel.op}): {tiles} {need} bytes and "
            f"buffers.weight_bytes is {emitter.arch.buffers.weight_bytes}; "
            f"raise it with --set buffers.weight_bytes={2 * need}"
        )
    rounds = ceil_div(n_tiles, banks.round_tiles)
    at_most = max(1, words // 4 // (banks.most(banks.round_tiles) * tile_words))
    per_chunk = min(max(1, ceil_div(rounds, emitter.weight_chunks)), at_most) * banks.round_tiles
    return [min(per_chunk, n_tiles - first) for first in range(0, n_tiles, per_chunk)]


def load_weights(
    emitter: Emitter,
    name: str,
    first: int,
    tiles: int,
    tile_bytes: int,
    total_tiles: int,
    *,
    expert: int = -1,
    expert_stride: int = 0,
    after_route: int = 0,
) -> Chunk:
    """Load weight tiles into the ring; ``after_route`` is the vector count that makes an expert's address known."""
    dram = emitter.dram(name, total_tiles * tile_bytes) + first * tile_bytes
    tile_words = ceil_div(tile_bytes, emitter.arch.array.side)
    place = emitter.weight_ring.take(turns(emitter.arch).most(tiles) * tile_words)
    load = Load(
        layer=emitter.kernel.label,
        dram=dram,
        buffer="weight",
        address=place.address,
        rows=tiles,
        row_bytes=tile_bytes,
        stride_bytes=tile_bytes,
        step=tile_words,
        layout=CHANNEL,
        expert=expert,
        expert_stride=expert_stride,
    )
    return Chunk(place, emitter.issue(load, after=[*place.after, (Engine.VECTOR, after_route)]))


def load_constants(emitter: Emitter) -> None:
    """Load the parameter sets and the activation table of the current kernel, where it has them.

    Raises
    ------
    CapacityError
        If the parameter sets do not fit their ring.
    """
    kernel, buffers = emitter.kernel, emitter.arch.buffers
    sets = parameter_sets(kernel, emitter.arch.array.side)
    size = sets * PARAMETER_BYTES
    if sets > emitter.parameter_ring.words:
        raise CapacityError(
            f"{kernel.label} ({kernel.op}): its parameters take {size} bytes and buffers.parameter_bytes is "
            f"{buffers.parameter_bytes}; raise it with --set buffers.parameter_bytes={2 * size}"
        )
    if sets:
        dram = emitter.dram(f"{kernel.node}.{kernel.op}.parameters", size)
        emitter.parameters = _fill(emitter, "parameter", emitter.parameter_ring.take(sets), dram, size)
    entries = table_bytes(kernel, emitter.tensor(kernel.out).element_bytes)
    if entries:
        dram = emitter.dram(f"{kernel.node}.{kernel.op}.table", entries)
        emitter.table = _fill(emitter, "table", emitter.table_ring.take(1), dram, entries)


def _fill(emitter: Emitter, buffer: str, place: RingChunk, dram: int, size: int) -> Chunk:
    """Load a run of bytes into a place of a ring, when what was there has been read."""
    load = Load(
        layer=emitter.kernel.label,
        dram=dram,
        buffer=buffer,
        address=place.address,
        row_bytes=size,
        stride_bytes=size,
    )
    return Chunk(place, emitter.issue(load, after=place.after))
