"""One network on accelerators of many shapes: numbers and cycles compared on each.

``python benchmarks/machines.py`` takes every P and every bus below, ``... m3vit-digits --pe 8x8 2x8x8`` others.
For each, the Verilog is written by ``vitaccel gen-rtl``, Verilated, and run on a golden image under memories of every
latency: each tensor is compared with the interpreter's, each run's cycles with the prediction. A row ends with the
cycles of its runs if all are as they must be; else the command ends with 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vitaccel.errors import VitaccelError

if TYPE_CHECKING:
    import numpy as np

    from vitaccel.execution import IntegerModel
    from vitaccel_sim.accelerator.behaviour import MemoryBehaviour

MODEL = "vit-digits"
PES = tuple(f"{side}x{side}" for side in (4, 5, 7, 8, 12, 16, 24, 32))
BUSES = (32, 64, 128, 256, 512)
LATENCIES = (1, 64, 133)


@dataclass(frozen=True)
class Found:
    """What was found of one machine.

    Parameters
    ----------
    pe, bus_bits
        PEs, as ``--pe`` has them, and the width of the data bus.
    tensors
        Compared in each run.
    is_equal
        Whether every number was the interpreter's.
    cycles, predicted
        Of the run under each latency.
    seconds
        All of it, writing and building included.
    """

    pe: str
    bus_bits: int
    tensors: int
    is_equal: bool
    cycles: tuple[int, ...]
    predicted: tuple[int | None, ...]
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether numbers and cycles are as they must be."""
        return self.is_equal and self.cycles == self.predicted


def predicted_cycles(model: IntegerModel, memory: MemoryBehaviour, choices: Mapping[str, np.ndarray]) -> int:
    """Cycles of a run in which these experts were chosen."""
    from vitaccel.backends.rtl.assemble import assemble
    from vitaccel.backends.rtl.chosen_queues import chosen_queues
    from vitaccel.backends.rtl.program_cycles import program_cycles

    program, queues = assemble(model.lowered.program), chosen_queues(model.lowered.program, choices)
    return program_cycles(program, model.arch.memory, latency_cycles=memory.latency_cycles, queues=queues).cycles


def measure(model: str, pe: str, bus_bits: int, latencies: Sequence[int]) -> Found:
    """Write, build and run one machine."""
    from vitaccel.cli.gen_network import generate_network
    from vitaccel_sim.accelerator.acceptance import Request, accept

    flags = {"pe": pe, "preset": None, "arch_file": None, "inputs": None, "images": 1}
    start = time.perf_counter()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "network"
        generate_network(model, {**flags, "settings": (f"memory.bus_bits={bus_bits}",)}, folder, None)
        found = [
            accept(
                Request(folder=folder, memory={"latency_cycles": latency}),
                lambda _: None,
                predicts=predicted_cycles,
            )
            for latency in latencies
        ]
    runs = [each.results[0] for each in found]
    return Found(
        pe=pe,
        bus_bits=bus_bits,
        tensors=found[0].tensors,
        is_equal=all(each.is_equal for each in found),
        cycles=tuple(run.cycles for run in runs),
        predicted=tuple(run.cycles_predicted for run in runs),
        seconds=time.perf_counter() - start,
    )


def rows(found: Iterable[Found], latencies: Sequence[int]) -> Iterator[str]:
    """Yield the lines of the table."""
    columns = "".join(f"{f'latency {latency}':>13}" for latency in latencies)
    yield f"{'PEs':>8}{'bus':>6}{'tensors':>9}{'numbers':>11}{columns}  predicted"
    for each in found:
        cycles = "".join(f"{cycles:13,}" for cycles in each.cycles)
        said = "the same" if each.cycles == each.predicted else " ".join(f"{p:,}" for p in each.predicted if p)
        yield (
            f"{each.pe:>8}{each.bus_bits:6}{each.tensors:9}{'equal' if each.is_equal else 'NOT EQUAL':>11}{cycles}"
            f"  {said}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=MODEL, help="zoo model, or an ONNX file")
    parser.add_argument("--pe", nargs="+", default=PES, metavar="PEs", help="as of vitaccel simulate")
    parser.add_argument("--bus", type=int, nargs="+", default=BUSES, metavar="BITS", help="width of the data bus")
    parser.add_argument("--latency", type=int, nargs="+", default=LATENCIES, metavar="CYCLES", help="of the memory")
    flags = parser.parse_args()
    wrong = []

    def measured() -> Iterator[Found]:
        for pe in flags.pe:
            for bus_bits in flags.bus:
                found = measure(flags.model, pe, bus_bits, flags.latency)
                if not found.is_right:
                    wrong.append(found)
                yield found
                print(f"{pe}, {bus_bits} bits: {found.seconds:.0f} s", file=sys.stderr)

    try:
        for line in rows(measured(), flags.latency):
            print(line, flush=True)
    except VitaccelError as error:
        parser.exit(2, f"error: {error}\n")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
