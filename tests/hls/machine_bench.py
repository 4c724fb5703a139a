"""A small machine in C++ with every width checked: instructions on tensors that stand where a test puts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.backends.interpreter.networks import machine_of
from vitaccel.arch import Arch
from vitaccel.backends.hls.compiled import compiled
from vitaccel.backends.rtl.assemble import machine_parameters
from vitaccel.backends.rtl.memory_map import MemoryMap
from vitaccel.backends.rtl.program_file import Coded, ProgramFile, encode_program
from vitaccel.compiled_model.hls_model import HlsModel
from vitaccel.compiled_model.model import machine_sources
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.parameters import encode_sets
from vitaccel.ir.plan import CHANNEL, TOKEN, Tensor
from vitaccel_rtl.accelerator.isa import BUFFERS, ENGINES, HEADER, OPERATIONS

CHECKED = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-DVITACCEL_CHECK_WIDTHS")

MEMORY_BYTES, PROGRAM = 1 << 18, 1 << 17

WORDS = 4096
"""Of the activation buffer."""

MOMENT_BLOCKS = 64

Fields = Mapping[str, int]


def arch_of(side: int, fraction_bits: int = 6, moment_blocks: int = MOMENT_BLOCKS) -> Arch:
    sizes = {"activation": WORDS * side, "weight": 1024 * side, "logit": 512 * 2 * side, "parameter": 8 * 512}
    return machine_of(
        f"{side}x{side}",
        numerics__logit_fraction_bits=fraction_bits,
        buffers__moment_blocks=moment_blocks,
        **{f"buffers__{name}_bytes": size for name, size in sizes.items()},
    )


@cache
def library(side: int, fraction_bits: int = 6, moment_blocks: int = MOMENT_BLOCKS) -> Path:
    arch = arch_of(side, fraction_bits, moment_blocks)
    sources = machine_sources(arch)
    return compiled(sources, "model.cpp", flags=CHECKED, is_library=True)


class Bench:
    """A machine with nothing in it."""

    def __init__(self, side: int, fraction_bits: int = 6, moment_blocks: int = MOMENT_BLOCKS) -> None:
        self.side, self.arch = side, arch_of(side, fraction_bits, moment_blocks)
        memory = MemoryMap(
            name="bench", side=side, memory_bytes=MEMORY_BYTES, program=PROGRAM, program_bytes=0, weights=0,
            weights_bytes=0, inputs=(), outputs=(), tensors=(), layers=(), macs=0, pes=side * side,
        )  # fmt: skip
        self.model = HlsModel(library(side, fraction_bits, moment_blocks), memory, program=b"", weights=b"")
        self.words = self.model.words(WORDS)
        self._free = 0
        self._instructions: list[tuple[str, Fields]] = []

    # -- memory ----------------------------------------------------------------------------------------------------
    def in_memory(self, content: bytes) -> int:
        """Put bytes where nothing is yet, and return where."""
        address = self._free
        self.model.load(address, content)
        # A multiple of 64 and of P.
        step = 64 * self.side
        self._free += -(-len(content) // step) * step
        assert self._free < PROGRAM
        return address

    # -- activations -----------------------------------------------------------------------------------------------
    def tensor(self, values: npt.ArrayLike, layout: str, width: int) -> Tensor:
        tokens, channels = np.shape(values)
        return Tensor(
            name="t", frames=1, tokens=tokens, channels=channels, element_bytes=width, layout=layout, kind="activation",
            home="chip",
        )  # fmt: skip

    def put(self, address: int, values: npt.NDArray[np.int64], *, layout: str = TOKEN, width: int = 1) -> None:
        """Put a tensor ``[tokens, channels]``: planes, and row-blocks or tiles, follow each other."""
        raw = to_bytes(values[None], self.tensor(values, layout, width), self.arch).reshape(-1, self.side)
        self.words[address : address + len(raw)] = raw

    def take(
        self, address: int, shape: tuple[int, int], *, layout: str = TOKEN, width: int = 1
    ) -> npt.NDArray[np.int64]:
        """Return a tensor that stands as :meth:`put` puts it."""
        tensor = self.tensor(np.empty(shape), layout, width)
        count = tensor.dram_bytes(self.arch) // self.side
        return from_bytes(self.words[address : address + count].reshape(-1), tensor, self.arch)[0]

    # -- instructions ------------------------------------------------------------------------------------------------
    def add(self, operation: str, **fields: int) -> None:
        """Add an instruction; it waits for all before it."""
        self._instructions.append((operation, fields))

    def add_load(self, buffer: str, address: int, content: bytes) -> None:
        """Add the load of a row of bytes."""
        words = -(-len(content) // self.side)
        self.add(
            "load", dram=self.in_memory(content), buffer=BUFFERS.index(buffer), address=address, rows=1,
            row_bytes=len(content), row_words=words,
        )  # fmt: skip

    def add_sets(self, first: int, offsets: npt.ArrayLike, multipliers: npt.ArrayLike, shifts: npt.ArrayLike) -> None:
        """Add the load of parameter sets."""
        self.add_load("parameter", first, encode_sets(offsets, multipliers, shifts).tobytes())

    def run(self) -> None:
        """Run what was added."""
        self.run_coded(coded(self._instructions))
        self._instructions = []

    def run_coded(self, instructions: Sequence[Coded], **header: int) -> None:
        """Run instructions with waits of their own; words of the header may be other than the machine's."""
        machine = dict.fromkeys((field.name for field in HEADER[3:]), 0) | machine_parameters(self.arch) | header
        program = encode_program(ProgramFile(machine=machine, instructions=tuple(instructions)))
        self.model.load(PROGRAM, program)
        self.model.run()


def coded(instructions: Sequence[tuple[str, Fields]]) -> list[Coded]:
    """Return instructions of which each waits for all before it."""
    done, found = dict.fromkeys(ENGINES, 0), []
    for operation, fields in instructions:
        waits = {f"wait_{engine}": count for engine, count in done.items()}
        found.append(Coded(operation=operation, fields={n: v for n, v in (waits | dict(fields)).items() if v}))
        done[OPERATIONS[operation].engine] += 1
    return found


def weight_tile(weights: npt.NDArray[np.int64], sets: npt.NDArray[np.uint8], side: int) -> bytes:
    """Return tiles ``[K, N]`` as they are packed: P columns each, and the sets of these behind them."""
    depth, columns = weights.shape
    parts = []
    for first in range(0, columns, side):
        tile = weights[:, first : first + side].astype(np.int8).tobytes()
        parts.append(tile + sets.reshape(columns, 8)[first : first + side].tobytes())
    assert all(len(part) == (depth + 8) * side for part in parts)
    return b"".join(parts)


__all__ = ["CHANNEL", "TOKEN", "WORDS", "Bench", "coded", "weight_tile"]
