"""Images per second of a network in C++, one thread, beside the integer interpreter, which computes the same integers.

``python benchmarks/hls.py`` takes the models below; ``... vit-digits model.int8.onnx --pe 16x16 32x32`` these models,
by name or as files, on these machines. A float model is quantized with default calibration, which is not timed. Before
anything is timed, every tensor of an image is compared. A time is processor time, of the fastest of a second of runs,
so that a machine that others use too tells the same; ``compile s`` is what g++ takes, ``GMAC/s`` counts the model's own
MACs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vitaccel.arch import Arch

MODELS = ("vit-digits", "lookupvit-digits", "m3vit-digits", "deit-tiny")
MACHINES = ("16x16", "32x32")
TIMED_SECONDS = 1.0
SIDE_BY_SIDE = 8
"""Images that the interpreter works on together: it is faster for each then."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What was measured of a model on a machine.

    Parameters
    ----------
    model, pe, macs
        Which, and the MACs of an image.
    tensors
        Compared before.
    compile_s
        Of the C++.
    hls_images_s
        Images per second of the C++.
    interpreter_images_s
        Of the interpreter, one image a run, and :data:`SIDE_BY_SIDE`.
    """

    model: str
    pe: str
    macs: int
    tensors: int
    compile_s: float
    hls_images_s: float
    interpreter_images_s: tuple[float, float]


def fastest(run: Callable[[], object]) -> float:
    """Processor seconds of the fastest run of as many as fit the time, one at least."""
    best, end = float("inf"), time.process_time() + TIMED_SECONDS
    while True:
        start = time.process_time()
        run()
        now = time.process_time()
        best = min(best, now - start)
        if now > end:
            return best


def measure(model: str, pe: str) -> Speed:
    """Measure a model on a machine, on one thread.

    Raises
    ------
    AssertionError
        If a number differs.
    """
    import torch

    from vitaccel.backends.hls.sources import hls_sources
    from vitaccel.backends.rtl.assemble import machine_parameters
    from vitaccel.backends.rtl.assemble_attention import KEPT_ROWS
    from vitaccel.cli.quantized_source import golden_images, quantized_model
    from vitaccel_sim.accelerator.expectations import expected_of
    from vitaccel_sim.delivery.network.assembled import assembled_network, integer_model
    from vitaccel_sim.hls.compiled import compiled
    from vitaccel_sim.hls.model import HlsModel
    from vitaccel_sim.hls.verify import compare

    torch.set_num_threads(1)
    onnx, subject, _ = quantized_model(model, lambda _: None)
    made = assembled_network(integer_model(onnx, subject.name, Arch().with_pe(pe)), subject.name)
    arch, memory = made.model.arch, made.memory
    sources = hls_sources(machine_parameters(arch), arch.numerics, kept_rows=KEPT_ROWS)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        library = compiled(sources, "model.cpp", is_library=True, folder=Path(folder))
        compile_s = time.perf_counter() - start
        hls = HlsModel(library, memory, program=made.program, weights=made.weights)
    taps = [entry.name for entry in memory.tensors if entry.kind != "input"]
    given = made.inputs(lambda graph: golden_images(graph, subject, None, made.model.batch))
    (image,) = expected_of(made.model, given, taps=taps)
    mismatch = compare(hls, memory, image)
    assert mismatch is None, mismatch
    interpreter = made.model.machine(dict.fromkeys((n for n in given if given[n].ndim == 1), 0))

    def of_interpreter(side_by_side: int) -> float:
        inputs = {name: np.repeat(values[None], side_by_side, 0) for name, values in image.inputs.items()}
        return side_by_side * made.model.batch / fastest(lambda: interpreter.run(inputs))

    return Speed(
        model=subject.name,
        pe=pe,
        macs=memory.macs // made.model.batch,
        tensors=len(taps),
        compile_s=compile_s,
        hls_images_s=made.model.batch / fastest(hls.run),
        interpreter_images_s=(of_interpreter(1), of_interpreter(SIDE_BY_SIDE)),
    )


COLUMNS = "{:<20} {:>6} {:>8} {:>10} {:>9} {:>8} {:>13} {:>13} {:>8}"


def table(speeds: Iterable[Speed]) -> list[str]:
    """Return what was measured as lines; the last column is C++ over the interpreter's better figure."""
    lines = [
        COLUMNS.format("", "", "tensors", "", "C++", "C++", "interpreter", f"{SIDE_BY_SIDE} at once", ""),
        COLUMNS.format("model", "PEs", "equal", "compile s", "images/s", "GMAC/s", "images/s", "images/s", "times"),
    ]
    for speed in speeds:
        one, several = speed.interpreter_images_s
        lines.append(
            COLUMNS.format(
                speed.model,
                speed.pe,
                speed.tensors,
                f"{speed.compile_s:.1f}",
                f"{speed.hls_images_s:,.1f}",
                f"{speed.macs * speed.hls_images_s / 1e9:.1f}",
                f"{one:,.2f}",
                f"{several:,.2f}",
                f"{speed.hls_images_s / max(one, several):,.0f}",
            )
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--pe", nargs="+", default=MACHINES)
    chosen = parser.parse_args(arguments)
    print("\n".join(table(measure(model, pe) for model in chosen.models for pe in chosen.pe)))


if __name__ == "__main__":
    main()
