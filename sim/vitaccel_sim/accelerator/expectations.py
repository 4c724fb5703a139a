"""What a network must make of images: from the interpreter, or from the golden vectors of a delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from vitaccel.errors import VitaccelError
from vitaccel.execution import IntegerModel
from vitaccel_sim.accelerator.verify import Expected

INPUT, OUTPUT, CYCLES = "input.", "output.", "cycles"
"""Beginnings of the names of arrays in an archive of golden vectors, and the name of the predicted cycles."""


def expected_of(
    model: IntegerModel,
    inputs: Mapping[str, np.ndarray],
    *,
    taps: Collection[str] = (),
    cycles: Callable[[Mapping[str, np.ndarray]], int | None] | None = None,
) -> Iterator[Expected]:
    """Yield what the interpreter makes of images, run after run.

    Parameters
    ----------
    model
        The network that the hardware was made for.
    inputs
        See :meth:`vitaccel.execution.IntegerModel.run`.
    taps
        Tensors to compare beside the outputs.
    cycles
        What is predicted of a run, by the experts that were chosen in it (see
        :class:`vitaccel.backends.interpreter.machine.Run`).
    """
    for integers, run in model.tensors(inputs, taps=taps):
        yield Expected(
            inputs={name: values[0] for name, values in integers.items()},
            outputs={name: values[0] for name, values in run.outputs.items()},
            taps={name: values[0] for name, values in run.taps.items()},
            cycles=cycles(run.choices) if cycles else None,
        )


def golden_arrays(images: Sequence[Expected]) -> dict[str, np.ndarray]:
    """Return golden vectors as arrays: inputs and outputs ``[runs, frames, tokens, channels]``, predicted cycles."""
    if not images:
        raise ValueError("golden vectors must be of an image or more, not of none")
    arrays = {f"{INPUT}{name}": _joined([image.inputs[name] for image in images]) for name in images[0].inputs}
    arrays |= {f"{OUTPUT}{name}": _joined([image.outputs[name] for image in images]) for name in images[0].outputs}
    if all(image.cycles is not None for image in images):
        arrays[CYCLES] = np.array([image.cycles for image in images], np.int64)
    return arrays


def golden_images(arrays: Mapping[str, np.ndarray]) -> Iterator[Expected]:
    """Yield the images that :func:`golden_arrays` was called on, without their taps.

    Raises
    ------
    VitaccelError
        If arrays are missing, or are of different numbers of images.
    """
    inputs = {name.removeprefix(INPUT): array for name, array in arrays.items() if name.startswith(INPUT)}
    outputs = {name.removeprefix(OUTPUT): array for name, array in arrays.items() if name.startswith(OUTPUT)}
    counts = {len(array) for array in arrays.values()}
    if not inputs or not outputs or len(counts) != 1:
        raise VitaccelError(
            f"golden vectors must be {INPUT}* and {OUTPUT}* of the same number of images, not {', '.join(arrays)}"
        )
    for at in range(counts.pop()):
        yield Expected(
            inputs={name: array[at].astype(np.int64) for name, array in inputs.items()},
            outputs={name: array[at].astype(np.int64) for name, array in outputs.items()},
            cycles=int(arrays[CYCLES][at]) if CYCLES in arrays else None,
        )


def _joined(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(values).astype(np.int16)
