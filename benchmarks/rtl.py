"""How fast the Verilated accelerator runs: simulated cycles per second, and seconds per image.

``python benchmarks/rtl.py`` takes the models below, on P x P PEs; ``... vit-digits --pe 8 32`` one model and these P.
Each is a name of the zoo or a ``.onnx`` file, as ``vitaccel gen-rtl`` takes them, and runs in a process of its own.
``emit s`` is the whole of ``gen-rtl``; ``build s`` Verilator and the C++ compiler, from nothing; an image is run with
its weights in memory, and its outputs and cycles are compared. Seconds are of CPU time, which does not count what else
the machine does: all of it takes one core, and hardly more wall time where a core is free.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

MODELS = ("vit-digits", "lookupvit-digits", "deit-tiny")
SIDES = (8, 16, 32)


@dataclass(frozen=True)
class Speed:
    """What was measured of a model on a machine.

    Parameters
    ----------
    model, side
        Zoo name or file, and P.
    emit_s, build_s
        CPU seconds until the Verilog is there, and from there to the model that runs.
    build_bytes
        Most memory of the compiler.
    cycles
        Of an image.
    image_s
        CPU seconds of an image.
    is_right
        Whether outputs and cycles are those that must come.
    """

    model: str
    side: int
    emit_s: float
    build_s: float
    build_bytes: int
    cycles: int
    image_s: float
    is_right: bool


def measure(model: str, side: int, images: int) -> Speed:
    """Measure a model on an array of *side* x *side* PEs in this process."""
    from vitaccel.cli.gen_network import generate_network
    from vitaccel_sim.accelerator.behaviour import MemoryBehaviour
    from vitaccel_sim.accelerator.delivered import read_delivery
    from vitaccel_sim.accelerator.expectations import golden_images
    from vitaccel_sim.accelerator.verify import verify

    flags = {"pe": f"{side}x{side}", "preset": None, "arch_file": None, "settings": (), "inputs": None}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        start = cpu_seconds()
        generate_network(model, {**flags, "images": images}, folder / "network", None)
        emitted = cpu_seconds()
        delivered = read_delivery(folder / "network")
        hardware = replace(delivered.hardware, folder=folder / "verilated", optimize="-O3")
        hardware.model()
        built = cpu_seconds()
        found = verify(
            hardware,
            golden_images(delivered.golden),
            behaviour=MemoryBehaviour(latency_cycles=delivered.arch.memory.latency_cycles),
        )
        seconds = cpu_seconds() - built
    runs = len(found.results)
    return Speed(
        model=Path(model).stem,
        side=side,
        emit_s=emitted - start,
        build_s=built - emitted,
        build_bytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        cycles=found.simulated_cycles // runs,
        image_s=seconds / runs,
        is_right=found.is_right,
    )


def cpu_seconds() -> float:
    """CPU time of this process, and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def table(speeds: Iterable[Speed]) -> Iterable[str]:
    """Yield the lines of the table."""
    yield f"{'':22}{'emit':>14}{'build':>8}{'peak':>8}{'cycles':>13}{'cycles':>10}{'image':>9}  outputs"
    yield f"{'model':22}{'P':>6}{'s':>8}{'s':>8}{'GB':>8}{'an image':>13}{'a second':>10}{'s':>9}  and cycles"
    for speed in speeds:
        yield (
            f"{speed.model:22}{speed.side:6}{speed.emit_s:8.1f}{speed.build_s:8.1f}{speed.build_bytes / 1e9:8.2f}"
            f"{speed.cycles:13,}{speed.cycles / speed.image_s:10,.0f}{speed.image_s:9.2f}"
            f"  {'equal' if speed.is_right else 'NOT EQUAL'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="zoo models, or ONNX files")
    parser.add_argument("--pe", type=int, nargs="+", default=SIDES, metavar="P", help="rows and columns of the array")
    parser.add_argument("--images", type=int, default=1, help="images of each")
    flags = parser.parse_args()
    context = multiprocessing.get_context("fork")

    def measured() -> Iterable[Speed]:
        for model in flags.models:
            for side in flags.pe:
                with context.Pool(1) as pool:
                    yield pool.apply(measure, (model, side, flags.images))

    for line in table(measured()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
