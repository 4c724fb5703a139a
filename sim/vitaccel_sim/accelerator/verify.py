"""Whether the generated accelerator computes what the interpreter does: outputs, tensors on the way, and cycles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import MappedTensor, MemoryMap
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel_rtl.register_map import Register
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
from vitaccel_sim.accelerator.driver import AcceleratorError
from vitaccel_sim.accelerator.findings import ImageResult, Mismatch, Verification, first_mismatch
from vitaccel_sim.accelerator.inside import START_CYCLES, Inside, Observer, inside_of
from vitaccel_sim.accelerator.runner import SimulatedAccelerator
from vitaccel_sim.accelerator.system import build_system
from vitaccel_sim.bench.axi_rules import RuleError
from vitaccel_sim.model import Model
from vitaccel_sim.verilate import BUILD_FOLDER

Integers = Mapping[str, np.ndarray]
"""Of tensors by name, ``[frames, tokens, channels]``."""

POISON = 0xA5
"""What outputs hold before a run, so that one of an earlier run is not taken for this one's."""

LIMIT_CYCLES = 1 << 33
"""Of a run of which no cycles are predicted."""

SLACK = 4
"""A run may take so many times the cycles that were predicted before it is given up."""

LEAST_LIMIT_CYCLES = 1_000_000

WINDOW_CYCLES = 4096
"""Of a waveform: so many cycles at most before the wrong tensor is whole, and a fourth of it behind that."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An image, and what must come of it.

    Parameters
    ----------
    inputs, outputs
        Of the model.
    taps
        Tensors on the way that are compared.
    cycles
        Predicted, if they are.
    """

    inputs: Integers
    outputs: Integers
    taps: Integers = field(default_factory=dict)
    cycles: int | None = None


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A generated accelerator with its network.

    Parameters
    ----------
    verilog
        Its top.
    registers
        Their map.
    memory
        The memory map.
    program, weights
        Contents of ``program.bin`` and ``weights.bin``.
    inside
        What is looked at while it runs; ``None`` for what the accelerator has.
    folder
        Of Verilator's builds.
    optimize
        Of the C++ compiler: less where few cycles are simulated.
    """

    verilog: Verilog
    registers: Sequence[Register]
    memory: MemoryMap
    program: bytes
    weights: bytes
    inside: Inside | None = None
    folder: Path = BUILD_FOLDER
    optimize: str = "-O3"

    @property
    def seen(self) -> Inside:
        """What is looked at."""
        return self.inside or inside_of(self.memory.arrays)

    def model(self, *, waves: bool = False) -> Model:
        """Return it Verilated."""
        return build_system(
            self.verilog, waves=waves, visible=self.seen.visible, optimize=self.optimize, folder=self.folder
        )


class Verifier:
    """An accelerator in a simulated system, with its network loaded, that runs image after image.

    Parameters
    ----------
    hardware
        What to run.
    behaviour, seed
        Of the memory, and of its stalls.
    waves
        Whether a waveform can be written.
    """

    def __init__(self, hardware: Hardware, *, behaviour: MemoryBehaviour, seed: int = 0, waves: bool = False) -> None:
        self._map = hardware.memory
        self._arch = Arch().with_pe(f"{self._map.side}x{self._map.side}")
        self.accelerator = SimulatedAccelerator(
            hardware.model(waves=waves),
            hardware.registers,
            dram_bytes=self._map.memory_bytes,
            behaviour=behaviour,
            seed=seed,
        )
        self._observer = Observer(self.accelerator.system, hardware.seen, self._map.side)
        self.accelerator.load(self._map.weights, hardware.weights)
        self.accelerator.load(self._map.program, hardware.program)
        self.seen_at: dict[str, int] = {}
        self.failed_at: int | None = None
        self._began = 0

    def run(self, expected: Expected, *, waveform: Path | None = None, window: tuple[int, int] = (0, 0)) -> ImageResult:
        """Run an image and compare.

        Parameters
        ----------
        expected
            The image, and what must come of it.
        waveform, window
            File for the cycles from and to before these, counted from where the program is started.
        """
        self._load(expected)
        self.seen_at, self.failed_at = {}, None
        wrong: list[Mismatch] = []
        try:
            outputs = self._watch(expected, wrong, waveform, window)
        except (AcceleratorError, TimeoutError, RuleError) as error:
            if not isinstance(error, TimeoutError):
                self.failed_at = self.accelerator.system.model.cycles - self._began
            self.accelerator.system.reset()
            return ImageResult(
                cycles=0, cycles_predicted=expected.cycles, mismatch=_first(wrong), failure=str(error), outputs={}
            )
        return ImageResult(
            cycles=self.accelerator.cycles,
            cycles_predicted=expected.cycles,
            mismatch=_first(wrong),
            outputs=outputs,
            waveform=waveform,
        )

    def _load(self, expected: Expected) -> None:
        for name in self._map.inputs:
            entry = self._map.tensor(name)
            raw = to_bytes(expected.inputs[name], entry.tensor, self._arch)
            self.accelerator.load(entry.dram, raw.tobytes())
        for name in self._map.outputs:
            entry = self._map.tensor(name)
            self.accelerator.load(entry.dram, bytes([POISON]) * entry.dram_bytes)

    def _watch(
        self, expected: Expected, wrong: list[Mismatch], waveform: Path | None, window: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        """Run, note what is wrong, and return the outputs."""
        limit = max(LEAST_LIMIT_CYCLES, SLACK * expected.cycles) if expected.cycles else LIMIT_CYCLES
        system, model = self.accelerator.system, self.accelerator.system.model
        self.accelerator.start(self._map.program)
        began = self._began = model.cycles
        if waveform is not None:
            model.trace(waveform, began + window[0], began + window[1])
        waiting = {entry.name: entry for entry in self._map.tensors if entry.name in expected.taps}
        system.step(START_CYCLES)
        for entry, raw in self._observer.tensors(list(waiting.values()), limit):
            self.seen_at[entry.name] = model.cycles - began
            self._compare(entry, raw, expected.taps[entry.name], wrong)
            del waiting[entry.name]
        self.accelerator.wait(limit)
        # What was whole only with the end of the run stays where it is.
        for entry in waiting.values():
            self.seen_at[entry.name] = model.cycles - began
            self._compare(entry, self._observer.read(entry), expected.taps[entry.name], wrong)
        outputs = {}
        for name in self._map.outputs:
            entry = self._map.tensor(name)
            raw = np.frombuffer(system.read_memory(entry.dram, entry.dram_bytes), np.uint8)
            self.seen_at.setdefault(name, model.cycles - began)
            outputs[name] = self._compare(entry, raw, expected.outputs[name], wrong)
        return outputs

    def _compare(self, entry: MappedTensor, raw: np.ndarray, expected: np.ndarray, wrong: list[Mismatch]) -> np.ndarray:
        own = entry.own_channels(self._map.side, self._map.arrays)
        found = from_bytes(raw, entry.tensor, self._arch)
        mismatch = first_mismatch(entry, expected[..., own], found[..., own])
        if mismatch is not None:
            wrong.append(mismatch)
        return found


def _first(wrong: Iterable[Mismatch]) -> Mismatch | None:
    return min(wrong, key=lambda mismatch: mismatch.instruction, default=None)


def verify(
    hardware: Hardware,
    images: Iterable[Expected],
    *,
    behaviour: MemoryBehaviour | None = None,
    seed: int = 0,
    waveforms: Path | None = None,
    progress: Callable[[int, ImageResult], None] | None = None,
) -> Verification:
    """Run images one after another on the same hardware, and compare.

    Parameters
    ----------
    hardware
        What is verified.
    images
        With what must come of each.
    behaviour, seed
        Of the memory; that of the machine when left out.
    waveforms
        Folder for the waveform around the first mismatch, or of the end of a run that failed; ``None`` for none.
    progress
        Called after each image with how many are done, and the last one's result.
    """
    memory = behaviour or MemoryBehaviour()
    verifier = Verifier(hardware, behaviour=memory, seed=seed)
    system = verifier.accelerator.system
    results: list[ImageResult] = []
    tensors, cycles, seconds, drawn = 0, 0, 0.0, False
    for expected in images:
        before, began = system.cycle, time.perf_counter()
        result = verifier.run(expected)
        seconds += time.perf_counter() - began
        cycles += system.cycle - before
        tensors = len({*expected.taps, *expected.outputs})
        window = _window(hardware.memory, verifier, result.mismatch)
        if window is not None and waveforms is not None and not drawn:
            path = waveforms / f"mismatch_{len(results)}.vcd"
            Verifier(hardware, behaviour=memory, seed=seed, waves=True).run(expected, waveform=path, window=window)
            result, drawn = replace(result, waveform=path), True
        results.append(result)
        if progress is not None:
            progress(len(results), result)
    return Verification(
        results=results,
        tensors=tensors,
        macs=hardware.memory.macs,
        pes=hardware.memory.pes,
        simulated_cycles=cycles,
        seconds=seconds,
        memory_is_fixed=memory.is_fixed,
    )


def _window(memory: MemoryMap, verifier: Verifier, mismatch: Mismatch | None) -> tuple[int, int] | None:
    """The cycles in which a wrong tensor came about: from where the one before it was whole, as far as it reaches.

    Of a run that failed without one, the last cycles; ``None`` of a run that is right, or does not end.
    """
    if mismatch is None:
        end = verifier.failed_at
        return None if end is None else (max(0, end - WINDOW_CYCLES), end)
    seen_at = verifier.seen_at
    end = seen_at[mismatch.tensor]
    before = [seen_at[entry.name] for entry in memory.tensors if entry.name in seen_at and seen_at[entry.name] < end]
    return max([0, end - WINDOW_CYCLES, *before]), end + WINDOW_CYCLES // 4
