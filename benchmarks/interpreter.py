"""Images per second of the integer interpreter, beside onnxruntime's float run of the same ONNX model.

``python benchmarks/interpreter.py`` takes the models below; ``... vit-digits --batch 1 4`` one model and these numbers
of images side by side. Every model runs in a process of its own: it is exported, quantized on seeded images (which is
not timed), compiled for a machine of 32x32 PEs and run; ``build s`` is compiling and packing. Both sides have the same
number of threads. A time is the shortest of three, or the only one when it takes longer than five seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vitaccel.arch import Arch

MODELS = ("vit-digits", "lookupvit-digits", "m3vit-digits", "vit-tiny", "deit-small", "m3vit-tiny", "vit-base")
BATCHES = (1, 2, 4, 8)
LONG_SECONDS = 5.0
MACHINE = Arch().with_pe("32x32")


@dataclass(frozen=True)
class Speed:
    """What was measured of one model.

    Parameters
    ----------
    model
        Zoo name.
    instructions
        Of its Program.
    build_s
        Compiling and packing the integers.
    float_images_s
        Images per second of onnxruntime, one image a run.
    integer_images_s
        Images per second of the interpreter, by images side by side.
    peak_bytes
        Most memory of the process, quantization included, and how much the runs added to it.
    """

    model: str
    instructions: int
    build_s: float
    float_images_s: float
    integer_images_s: dict[int, float]
    peak_bytes: tuple[int, int]


def shortest(run: Callable[[], object]) -> float:
    """Seconds of the shortest of three runs, or of the first when it is long."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
        if found[0] > LONG_SECONDS:
            break
    return min(found)


def images_of(shape: Sequence[int], count: int) -> np.ndarray:
    """Seeded normal images of a shape whose first axis is the batch."""
    return np.random.default_rng(0).standard_normal((count, *shape[1:])).astype(np.float32)


def measure(model: str, batches: Sequence[int], threads: int, calibration: int = 1) -> Speed:
    """Measure one zoo model in this process."""
    import torch

    from vitaccel import zoo
    from vitaccel.compiler import prepare_graph
    from vitaccel.execution import IntegerModel
    from vitaccel.frontend import import_model
    from vitaccel.quantization import quantize

    torch.set_num_threads(threads)
    with TemporaryDirectory() as folder:
        path = zoo.export(model, Path(folder) / "model.onnx", exporter="legacy")
        float_s = float_seconds(path, threads)
        graph = prepare_graph(import_model(path).graph, MACHINE)
        (name,) = graph.inputs
        shape = graph[name].type.static_shape
        quantized, _ = quantize(graph, {name: images_of(shape, calibration)})
    before = peak_bytes()
    start = time.perf_counter()
    integer = IntegerModel(quantized, MACHINE)
    build_s = time.perf_counter() - start
    speeds = {}
    for count in batches:
        images = {name: images_of(shape, count)}
        speeds[count] = count / shortest(partial(integer.run, images, side_by_side=count))
    instructions = len(integer.lowered.program.instructions)
    return Speed(model, instructions, build_s, 1 / float_s, speeds, (peak_bytes(), peak_bytes() - before))


def float_seconds(path: Path, threads: int) -> float:
    """Seconds of an image in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (feed,) = session.get_inputs()
    images = {feed.name: images_of(feed.shape, 1)}
    session.run(None, images)
    return shortest(lambda: session.run(None, images))


def peak_bytes() -> int:
    """Most memory this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(speeds: Iterable[Speed], batches: Sequence[int]) -> Iterable[str]:
    """Yield the lines of the table."""
    columns = "".join(f"{f'x{count}':>9}" for count in batches)
    yield f"{'':18}{'instruc-':>9}{'build':>8}{'float':>10}  integer images/s"
    yield f"{'model':18}{'tions':>9}{'s':>8}{'images/s':>10}{columns}{'peak MB':>10}{'of runs':>9}"
    for speed in speeds:
        rates = "".join(f"{speed.integer_images_s[count]:9.3g}" for count in batches)
        peak, added = (each / 1e6 for each in speed.peak_bytes)
        yield (
            f"{speed.model:18}{speed.instructions:9}{speed.build_s:8.1f}{speed.float_images_s:10.3g}{rates}"
            f"{peak:10.0f}{added:9.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="zoo models")
    parser.add_argument("--batch", type=int, nargs="+", default=BATCHES, help="images side by side")
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    context = multiprocessing.get_context("fork")

    def measured() -> Iterable[Speed]:
        for model in flags.models:
            with context.Pool(1) as pool:
                yield pool.apply(measure, (model, flags.batch, flags.threads))

    for line in table(measured(), flags.batch):
        print(line, flush=True)


if __name__ == "__main__":
    main()
