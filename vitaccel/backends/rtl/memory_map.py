"""The memory map of a generated accelerator: where program, constants and tensors are, and when each tensor is there.

It is delivered as ``memory_map.json``, for a host that loads the memory and for whoever compares tensors. In the
activation buffer a tensor is runs of words that follow each other in DRAM's order, one run for each plane of each
row-block (or tile), ``step_words`` apart: the bytes of all runs, one after the other, are those that it has in DRAM.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vitaccel.backends.rtl.memory_map_legal import check_memory_map
from vitaccel.errors import VitaccelError
from vitaccel.ir.heads import places_of_heads
from vitaccel.ir.plan import TOKEN, AttentionKernel, Kernel, Plan, Tensor, ceil_div
from vitaccel.ir.program import NOWHERE, Engine, Program
from vitaccel_rtl.accelerator.parts import Turns

VERSION = 1

ENGINES = tuple(engine.name.lower() for engine in Engine)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Where a tensor stands in the activation buffer: ``count`` runs of ``words`` words, ``step_words`` apart."""

    address: int
    count: int
    words: int
    step_words: int


@dataclass(frozen=True, kw_only=True)
class MappedTensor:
    """A tensor, its places, and when it is there.

    Parameters
    ----------
    name, layer
        Of the Plan; label of the layer that writes it, "" of an input.
    kind
        ``input``, ``output`` or ``activation``.
    layout, frames, tokens, channels, element_bytes
        As :class:`vitaccel.ir.plan.Tensor`.
    dram, dram_bytes
        Address and size in DRAM; the address is -1 of a tensor that is never there.
    runs
        Where it stands in the activation buffer; ``None`` of a tensor that lives in DRAM. On several arrays, tiles of P
        channels stand in the parts of the buffer by turns.
    heads, head_dim
        As :class:`vitaccel.ir.tensor.Tensor`: with several arrays, channels that fill up heads may hold anything.
    instruction
        Number of the last instruction of the program that writes it; -1 of an input.
    completed
        It is whole as soon as each engine (load, compute, vector, store) has completed so many instructions.
    """

    name: str
    layer: str
    kind: str
    layout: str
    frames: int
    tokens: int
    channels: int
    element_bytes: int
    dram: int
    dram_bytes: int
    runs: Runs | None
    instruction: int
    completed: tuple[int, int, int, int]
    heads: int = 0
    head_dim: int = 0

    def words(self, side: int, arrays: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the part of the activation buffer of each of its words, and the word there, in the order of its bytes.

        Parameters
        ----------
        side, arrays
            P, and parts.
        """
        assert self.runs is not None
        run, word = np.divmod(np.arange(self.runs.count * self.runs.words), self.runs.words)
        turns = Turns(side, arrays)
        if self.layout == TOKEN:
            return turns.part_of_channel(word), self.runs.address + run * self.runs.step_words + turns.word(word)
        tile, plane = np.divmod(run, self.element_bytes)
        run_of_part = turns.place(tile) * self.element_bytes + plane
        return turns.part(tile), self.runs.address + run_of_part * self.runs.step_words + word

    def own_channels(self, side: int, arrays: int) -> np.ndarray | slice:
        """Return the channels that hold numbers of the value."""
        if arrays == 1 or not self.heads:
            return slice(None)
        return places_of_heads(self.heads, self.head_dim, side, arrays)

    @property
    def tensor(self) -> Tensor:
        """The same for :mod:`vitaccel.ir.layout`."""
        return Tensor(
            name=self.name,
            frames=self.frames,
            tokens=self.tokens,
            channels=self.channels,
            element_bytes=self.element_bytes,
            layout=self.layout,
            kind=self.kind,
            home="dram" if self.runs is None else "chip",
        )


@dataclass(frozen=True, kw_only=True)
class MemoryMap:
    """All that a host must know of an accelerator's memory.

    Parameters
    ----------
    name
        Of the model.
    side
        Bytes of a word on chip, P.
    memory_bytes
        Bytes of DRAM that the network needs, from address 0 on.
    program, program_bytes
        Where ``program.bin`` goes.
    weights, weights_bytes
        Where ``weights.bin`` goes.
    inputs, outputs
        Names of tensors.
    tensors
        Inputs first, then in the order in which the program writes them.
    layers
        Label of the layer of each instruction, in runs: label, and instructions.
    macs
        Useful MACs of a run.
    pes
        Multipliers of the machine.
    arrays
        Arrays side by side, and parts of the activation buffer.
    """

    name: str
    side: int
    memory_bytes: int
    program: int
    program_bytes: int
    weights: int
    weights_bytes: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: tuple[MappedTensor, ...]
    layers: tuple[tuple[str, int], ...]
    macs: int
    pes: int
    arrays: int = 1

    def tensor(self, name: str) -> MappedTensor:
        """Return a tensor by its name."""
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def to_json(self) -> str:
        """Return the map as it is delivered."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> MemoryMap:
        """Return what :meth:`to_json` was called on.

        Raises
        ------
        VitaccelError
            If the text is no memory map of this version, or one that no machine has.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            version = found.pop("version")
            if version != VERSION:
                raise VitaccelError(f"version of a memory map must be {VERSION}, not {version!r}")
            found["tensors"] = tuple(_tensor_of(entry) for entry in found["tensors"])
            found["layers"] = tuple((label, count) for label, count in found["layers"])
            made = cls(**found | {key: tuple(found[key]) for key in ("inputs", "outputs")})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise VitaccelError(f"a memory map must be JSON as gen-rtl writes it, and is not: {error}") from error
        check_memory_map(made)
        return made


def memory_map(
    plan: Plan, program: Program, *, program_address: int, program_bytes: int, encoded: Sequence[Sequence[Engine]] = ()
) -> MemoryMap:
    """Return the memory map of a program.

    Parameters
    ----------
    plan, program
        Of one model.
    program_address, program_bytes
        Where the assembled program goes, behind the DRAM image.
    encoded
        For each instruction of *program* the engines of the instructions that it was assembled to; itself when left
        out.
    """
    made = encoded or [[instruction.engine] for instruction in program.instructions]
    counts, ends = _completions(made)
    entries = [_input(plan, program, name) for name in plan.inputs]
    for name, (at, first, last) in _written(plan, program).items():
        kernel = plan.kernels[at]
        before = counts[first]
        needed = [now if now > then else 0 for now, then in zip(counts[last + 1], before, strict=True)]
        entries.append(_entry(plan, program, name, kernel.label, ends[last], needed))
    return MemoryMap(
        name=program.name,
        side=plan.arch.array.side,
        memory_bytes=max(program.dram_bytes, program_address + program_bytes),
        program=program_address,
        program_bytes=program_bytes,
        weights=0,
        weights_bytes=program.dram_bytes,
        inputs=tuple(plan.inputs),
        outputs=tuple(plan.outputs),
        tensors=tuple(entries),
        layers=_layers(program, made),
        macs=sum(layer.macs for layer in program.layers),
        pes=plan.arch.array.pes,
        arrays=plan.arch.array.count,
    )


def _completions(encoded: Sequence[Sequence[Engine]]) -> tuple[list[list[int]], list[int]]:
    """Instructions of each engine before each instruction of the Program, and the last that each became."""
    counts, ends, total = [[0] * len(ENGINES)], [], 0
    for engines in encoded:
        after = list(counts[-1])
        for engine in engines:
            after[engine] += 1
        counts.append(after)
        total += len(engines)
        ends.append(total - 1)
    return counts, ends


def _written(plan: Plan, program: Program) -> dict[str, tuple[int, int, int]]:
    """Tensors in the order in which they are whole: the kernel that writes each last, first and last instruction."""
    first_of: dict[int, int] = {}
    last_of: dict[int, int] = {}
    for at, owner in enumerate(program.kernel_of):
        first_of.setdefault(owner, at)
        last_of[owner] = at
    found: dict[str, tuple[int, int, int]] = {}
    for at, kernel in enumerate(plan.kernels):
        if at not in last_of:
            continue
        for name in _results(kernel):
            # Tokens that are joined have several kernels that write them, perhaps on different engines.
            _, first, _ = found.pop(name, (at, first_of[at], 0))
            found[name] = at, first, last_of[at]
    return found


def _results(kernel: Kernel) -> tuple[str, ...]:
    return kernel.writes if isinstance(kernel, AttentionKernel) else (kernel.out,)


def _input(plan: Plan, program: Program, name: str) -> MappedTensor:
    return _entry(plan, program, name, "", NOWHERE, [0] * len(ENGINES))


def _entry(
    plan: Plan, program: Program, name: str, layer: str, instruction: int, completed: Sequence[int]
) -> MappedTensor:
    tensor = plan.tensors[name]
    address, size = program.dram_map.get(name, (NOWHERE, tensor.dram_bytes(plan.arch)))
    load, compute, vector, store = completed
    return MappedTensor(
        name=name,
        layer=layer,
        kind=tensor.kind,
        layout=tensor.layout,
        frames=tensor.frames,
        tokens=tensor.tokens,
        channels=tensor.channels,
        element_bytes=tensor.element_bytes,
        dram=address,
        dram_bytes=size,
        runs=_runs(plan, tensor) if _is_seen(plan, tensor) else None,
        instruction=instruction,
        completed=(load, compute, vector, store),
        heads=tensor.heads,
        head_dim=tensor.head_dim,
    )


def _is_seen(plan: Plan, tensor: Tensor) -> bool:
    return tensor.home == "chip" and tensor.name in plan.places


def _tensor_of(entry: dict[str, Any]) -> MappedTensor:
    runs = entry["runs"]
    made = {"runs": Runs(**runs) if runs is not None else None, "completed": tuple(entry["completed"])}
    return MappedTensor(**entry | made)


def _runs(plan: Plan, tensor: Tensor) -> Runs:
    if tensor.layout == TOKEN:
        blocks, words, step = tensor.row_blocks(plan.arch), tensor.channels, tensor.row_block_words(plan.arch)
    else:
        blocks, words = ceil_div(tensor.channels, plan.arch.array.side), tensor.frames * tensor.tokens
        step = tensor.tile_words()
    return Runs(
        address=plan.places[tensor.name].address,
        count=blocks * tensor.element_bytes,
        words=words,
        step_words=step // tensor.element_bytes,
    )


def _layers(program: Program, encoded: Sequence[Sequence[Engine]]) -> tuple[tuple[str, int], ...]:
    runs: list[tuple[str, int]] = []
    for instruction, made in zip(program.instructions, encoded, strict=True):
        if runs and runs[-1][0] == instruction.layer:
            runs[-1] = runs[-1][0], runs[-1][1] + len(made)
        else:
            runs.append((instruction.layer, len(made)))
    return tuple(runs)
