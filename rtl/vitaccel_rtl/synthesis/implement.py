"""A design on a device: synthesised and, where an open tool can, placed and routed; area by block, frequency, path."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vitaccel_rtl.synthesis.breakdown import Hierarchy
from vitaccel_rtl.synthesis.builds import BUILD_FOLDER
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import Device
from vitaccel_rtl.synthesis.nextpnr import PACKAGE, Timing, bitstream, route
from vitaccel_rtl.synthesis.out_of_context import blocks_of, out_of_context
from vitaccel_rtl.synthesis.seeds import FailedSeed, Placed, with_each
from vitaccel_rtl.synthesis.synthesized import Synthesized, synthesized
from vitaccel_rtl.synthesis.tools import ECPPACK, NEXTPNR, YOSYS, Progress, Tool, in_silence
from vitaccel_rtl.verilog import Verilog

WANTED_MHZ = 150.0
"""What placement strives for unless another frequency is asked for."""


@dataclass(frozen=True, kw_only=True)
class Pins:
    """Where the ports of a board's design are.

    Parameters
    ----------
    package
        Of the device, as nextpnr calls it.
    constraints
        Places and standards, in Lattice's LPF.
    """

    package: str
    constraints: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What was done, and how long that took in this run: nearly nothing where its result was there already."""

    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """What a design takes of a device.

    Parameters
    ----------
    name
        Of the top module.
    device
        What it was synthesised for.
    areas
        Of every block with all that is in it, by path; ``""`` is the whole design.
    timings
        Of its place-and-routes, by seed; none where there was none.
    path
        Blocks that the slowest path of the best of them goes through, one after the other.
    stages
        In the order in which they were done.
    bitstream
        Of the best of the place-and-routes, for a design with pins.
    logic_rows
        Rows of the array whose products are LUTs, because the device has not multipliers for all.
    failed_seeds
        Of the placer, which gave nothing where others gave *timings*.
    """

    name: str
    device: Device
    areas: Mapping[str, Area]
    timings: tuple[Timing, ...]
    path: tuple[str, ...]
    stages: tuple[Stage, ...]
    bitstream: bytes | None = None
    logic_rows: int = 0
    failed_seeds: tuple[FailedSeed, ...] = ()

    @property
    def total(self) -> Area:
        """Of the whole design."""
        return self.areas[""]

    @property
    def missing(self) -> tuple[str, ...]:
        """What the device has too little of, a phrase each."""
        return self.device.missing(self.total)

    @property
    def best(self) -> Timing | None:
        """The place-and-route of the highest frequency."""
        return max(self.timings, key=lambda timing: timing.frequency_mhz, default=None)


def implement(
    verilog: Verilog,
    device: Device,
    *,
    seeds: Sequence[int] = (1,),
    wanted_mhz: float = WANTED_MHZ,
    pins: Pins | None = None,
    logic_rows: int | None = None,
    folder: Path = BUILD_FOLDER,
    say: Progress = in_silence,
) -> Implementation:
    """Synthesise a design for a device, and place and route it there with each seed.

    Nothing is placed that does not fit: see :attr:`Implementation.missing`.

    Parameters
    ----------
    verilog
        The design.
    device
        One of :data:`vitaccel_rtl.synthesis.devices.DEVICES`.
    seeds
        Of the placer; without any, or where no open tool places the device, only the area is found.
    wanted_mhz
        What placement strives for.
    pins
        Of a board's design, which gets a bitstream; another one is placed in a harness of three pins.
    logic_rows
        Rows of the array whose products are LUTs of the ECP5; when left out, those of
        :meth:`~vitaccel_rtl.synthesis.devices.Device.logic_rows`.
    folder
        Of all results, which are made once.
    say
        Called with what the tools do.

    Raises
    ------
    SynthesisError
        If a tool is missing, which is known before the first one runs, or refuses the design; nextpnr with all seeds.
    UnknownCellError
        If the netlist has a cell whose cost nobody has said.
    ValueError
        If the design has no clock, no other input, or no output, and is to be placed.
    """
    stages: list[Stage] = []
    is_routed = device.is_routed and bool(seeds)
    _check_installed(YOSYS, *((NEXTPNR,) if is_routed else ()), *((ECPPACK,) if is_routed and pins else ()))
    with _stage("synthesis", stages):
        has_harness = is_routed and pins is None
        made = synthesized(verilog, device, logic_rows, has_harness=has_harness, folder=folder, say=say)
    placed: tuple[Placed, ...] = ()
    failed: tuple[FailedSeed, ...] = ()
    if is_routed and not device.missing(made.areas[""]):
        arguments = (*device.nextpnr, "--package", PACKAGE if pins is None else pins.package)
        constraints = None if pins is None else pins.constraints

        def routed(seed: int) -> Path:
            with _stage(f"place and route, seed {seed}", stages):
                return route(
                    made.netlist,
                    arguments,
                    seed=seed,
                    wanted_mhz=wanted_mhz,
                    constraints=constraints,
                    folder=folder,
                    say=say,
                )

        placed, failed = with_each(seeds, routed)
    bits = None
    if placed and pins is not None:
        with _stage("bitstream", stages):
            bits = bitstream(_best(placed).folder, folder=folder, say=say)
    return Implementation(
        name=verilog.name,
        device=device,
        areas=made.areas,
        timings=tuple(each.timing for each in placed),
        path=_path(made, _best(placed).timing) if placed else (),
        logic_rows=made.logic_rows,
        failed_seeds=failed,
        stages=tuple(stages),
        bitstream=bits,
    )


def _check_installed(*tools: Tool) -> None:
    """Raise the SynthesisError of a tool that is not installed: it would be known only after hours of the others."""
    for tool in tools:
        _ = tool.version


def _best(placed: Sequence[Placed]) -> Placed:
    return max(placed, key=lambda each: each.timing.frequency_mhz)


def _path(made: Synthesized, timing: Timing) -> tuple[str, ...]:
    """Return the blocks on the slowest path of a place-and-route, called as they are in the design."""
    hierarchy = Hierarchy(made.cells)
    passed = [hierarchy.block_of(name).removeprefix(made.inside).removeprefix(".") for name in timing.cells]
    return tuple(block for place, block in enumerate(passed) if place == 0 or block != passed[place - 1])


def area_by_blocks(
    verilog: Verilog, device: Device, *, folder: Path = BUILD_FOLDER, say: Progress = in_silence
) -> Implementation:
    """Synthesise the large blocks of an accelerator one by one: for what Yosys has no memory for as a whole.

    Parameters
    ----------
    verilog, device, folder, say
        Of :func:`implement`, for a device that no open tool places.

    Raises
    ------
    SynthesisError, UnknownCellError, ValueError
        As :func:`~vitaccel_rtl.synthesis.out_of_context.out_of_context` does, and if the design has no large blocks.
    """
    blocks = blocks_of(verilog)
    if not blocks:
        raise ValueError(f"a design must have large blocks to be synthesised by blocks, and {verilog.name} has none")
    stages: list[Stage] = []
    with _stage("synthesis by blocks", stages):
        found = out_of_context(verilog, device.family, blocks, folder=folder, say=say)
    return Implementation(name=verilog.name, device=device, areas=found, timings=(), path=(), stages=tuple(stages))


@contextmanager
def _stage(name: str, stages: list[Stage]) -> Iterator[None]:
    begin = time.monotonic()
    try:
        yield
    finally:  # a seed that fails took its time too
        stages.append(Stage(name=name, seconds=time.monotonic() - begin))
