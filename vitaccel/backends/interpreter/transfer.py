"""Loads and stores: rows of bytes between DRAM and the buffers."""

from __future__ import annotations

import torch
from torch import Tensor

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.ir.plan import CHANNEL
from vitaccel.ir.program import Load, Store, Transfer


@execute.register
def load(instruction: Load, state: State) -> None:
    """DRAM to a buffer."""
    memories = state.memories
    rows = _rows(instruction, state)
    if instruction.buffer == "parameter":
        sets = rows.reshape(-1, PARAMETER_BYTES).view(torch.uint8)
        memories.parameter[instruction.address : instruction.address + len(sets)] = sets
        return
    if instruction.buffer == "table":
        memories.tables[instruction.address] = rows.reshape(-1).clone()
        return
    if instruction.buffer == "weight":
        memories.loads += 1
        memories.loaded_at[instruction.address] = memories.loads
    words, places = _words(instruction, rows, state)
    memories.banks(instruction.buffer).put(places, words)


@execute.register
def store(instruction: Store, state: State) -> None:
    """A buffer to DRAM."""
    memories = state.memories
    rows = _rows(instruction, state)
    _, places = _words(instruction, rows, state)
    words = memories.banks(instruction.buffer).fetch(places)
    _put_rows(instruction, state, words.reshape(words.shape[0], instruction.rows, -1)[..., : instruction.row_bytes])


def _rows(transfer: Transfer, state: State) -> Tensor:
    """The bytes of a transfer in DRAM, ``[images or 1, rows, row_bytes]``."""
    span = (transfer.rows - 1) * transfer.stride_bytes + transfer.row_bytes
    run = state.memories.dram.run(_address(transfer, state), span)
    images = run.shape[0]
    return run.as_strided((images, transfer.rows, transfer.row_bytes), (run.stride(0), transfer.stride_bytes, 1))


def _put_rows(transfer: Transfer, state: State, rows: Tensor) -> None:
    _rows(transfer, state).copy_(rows)


def _address(transfer: Transfer, state: State) -> int:
    """Where a transfer begins in DRAM; with the longest queue first, the weights of whichever expert that is.

    Experts' weights stand one after another at equal distances, and one machine runs one image at a time then.
    """
    if transfer.expert < 0 or state.arch.moe.order != "longest":
        return transfer.dram
    (queues,) = state.queues
    return transfer.dram + (queues[transfer.expert].expert - transfer.expert) * transfer.expert_stride


def _words(transfer: Transfer, rows: Tensor, state: State) -> tuple[Tensor, Tensor]:
    """The rows as words ``[images, rows, words, P]``, the last one filled up, and their places on chip."""
    memories = state.memories
    banks = memories.banks(transfer.buffer)
    side = banks.side
    words = -(-transfer.row_bytes // side)
    if transfer.row_bytes != words * side:
        rows = torch.nn.functional.pad(rows, (0, words * side - transfer.row_bytes))
    row, word = torch.arange(transfer.rows), torch.arange(words)
    if transfer.layout == CHANNEL:
        tile, plane = row // transfer.element_bytes, row % transfer.element_bytes
        run = banks.turns.place(tile) * transfer.element_bytes + plane
        places = transfer.address + (banks.turns.part(tile) * banks.words + run * transfer.step)[:, None] + word
    else:
        within = banks.turns.part_of_channel(word) * banks.words + banks.turns.word(word)
        places = transfer.address + row[:, None] * transfer.step + within
    return rows.reshape(rows.shape[0], transfer.rows, words, side), places
