"""Images per second of a network in C++, one thread, beside the integer interpreter, which computes the same integers.

``python benchmarks/hls.py`` takes the models below; ``... vit-digits model.int8.onnx --pe 16x16 32x32`` these models,
by name or as files, on these machines. A float model is quantized with default calibration, which is not timed. Before
anything is timed, every tensor of an image is compared. A time is processor time, of the fastest of a second of runs,
so that a machine that others use too tells the same. ``words`` is the array word by word, as hardware has it, ``pairs``
two words at a time, as ``make library`` has it; ``g++ s`` is what compiling the latter takes, in processor seconds;
``GMAC/s`` counts the model's own MACs; ``times`` is the faster C++ over the interpreter's better figure.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vitaccel.arch import Arch
from vitaccel.compiled_model.model import check_machine
from vitaccel.errors import VitaccelError

MODELS = ("vit-digits", "lookupvit-digits", "m3vit-digits", "deit-tiny")
MACHINES = ("16x16", "32x32")
TIMED_SECONDS = 1.0
PAIRS = "-DVITACCEL_PAIRS"
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
    words_images_s, pairs_images_s
        Images per second of the C++ with either array.
    interpreter_images_s
        Of the interpreter, one image a run, and :data:`SIDE_BY_SIDE`.
    """

    model: str
    pe: str
    macs: int
    tensors: int
    compile_s: float
    words_images_s: float
    pairs_images_s: float
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

    from vitaccel.backends.hls.compiled import FAST, compiled
    from vitaccel.cli.quantized_source import golden_images, quantized_model
    from vitaccel.compiled_model.assembled import assembled_network
    from vitaccel.compiled_model.hls_model import HlsModel
    from vitaccel.compiled_model.model import machine_sources
    from vitaccel_sim.accelerator.expectations import expected_of
    from vitaccel_sim.delivery.network.imported import integer_model
    from vitaccel_sim.hls.verify import compare

    torch.set_num_threads(1)
    onnx, subject, _ = quantized_model(model, lambda _: None)
    made = assembled_network(integer_model(onnx, subject.name, Arch().with_pe(pe)), subject.name)
    arch, memory = made.model.arch, made.memory
    with TemporaryDirectory() as folder:
        flags = [flag for flag in FAST if flag != PAIRS], FAST
        children = os.times().children_user
        built = [
            compiled(machine_sources(arch), "model.cpp", flags=f, is_library=True, folder=Path(folder)) for f in flags
        ]
        compile_s = os.times().children_user - children
        machines = [HlsModel(path, memory, program=made.program, weights=made.weights) for path in built]
    taps = [entry.name for entry in memory.tensors if entry.kind != "input"]
    given = made.inputs(lambda graph: golden_images(graph, subject, None, made.model.batch))
    (image,) = expected_of(made.model, given, taps=taps)
    for machine in machines:
        mismatch = compare(machine, memory, image)
        assert mismatch is None, mismatch
    interpreter = made.model.machine(dict.fromkeys((n for n in given if given[n].ndim == 1), 0))

    def of_interpreter(side_by_side: int) -> float:
        inputs = {name: np.repeat(values[None], side_by_side, 0) for name, values in image.inputs.items()}
        return side_by_side * made.model.batch / fastest(lambda: interpreter.run(inputs))

    words, pairs = (made.model.batch / fastest(machine.run) for machine in machines)
    return Speed(
        model=subject.name,
        pe=pe,
        macs=memory.macs // made.model.batch,
        tensors=len(taps),
        compile_s=compile_s / len(machines),
        words_images_s=words,
        pairs_images_s=pairs,
        interpreter_images_s=(of_interpreter(1), of_interpreter(SIDE_BY_SIDE)),
    )


COLUMNS = "{:<16} {:>6} {:>8} {:>6} {:>10} {:>10} {:>8} {:>12} {:>10} {:>6}"


def table(speeds: Iterable[Speed]) -> Iterator[str]:
    """Yield what was measured as lines, each as soon as it is known."""
    yield COLUMNS.format(
        "", "", "tensors", "", "C++ words", "C++ pairs", "", "interpreter", f"{SIDE_BY_SIDE} at once", ""
    )
    yield COLUMNS.format(
        "model", "PEs", "equal", "g++ s", "images/s", "images/s", "GMAC/s", "images/s", "images/s", "times"
    )
    for speed in speeds:
        one, several = speed.interpreter_images_s
        best = max(speed.words_images_s, speed.pairs_images_s)
        yield COLUMNS.format(
            speed.model,
            speed.pe,
            speed.tensors,
            f"{speed.compile_s:.1f}",
            f"{speed.words_images_s:,.1f}",
            f"{speed.pairs_images_s:,.1f}",
            f"{speed.macs * best / 1e9:.1f}",
            f"{one:,.2f}",
            f"{several:,.2f}",
            f"{best / max(one, several):,.0f}",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--pe", nargs="+", default=MACHINES)
    chosen = parser.parse_args(arguments)
    try:
        for pe in chosen.pe:
            check_machine(Arch().with_pe(pe))
        for line in table(measure(model, pe) for model in chosen.models for pe in chosen.pe):
            print(line, flush=True)
    except VitaccelError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
