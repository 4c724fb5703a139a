"""A quantized model run in integers: from arrays to the Program's integers and back to numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vitaccel.arch import Arch
from vitaccel.compiler import Lowered, compile_graph
from vitaccel.errors import ModelError, VitaccelError, did_you_mean
from vitaccel.ir.graph import Graph
from vitaccel.ir.views import base, extent

if TYPE_CHECKING:
    from vitaccel.backends.interpreter.machine import Machine, Run

WORKING_SET = 1 << 23
"""Numbers of the largest tensor of all images that run side by side, about: what fits the caches still pays."""

MOST_IMAGES = 64
"""Images side by side at most."""


class RunsImages(Protocol):
    """What runs images: the interpreter's :class:`~vitaccel.backends.interpreter.machine.Machine`, and its like."""

    @property
    def most_images(self) -> int:
        """Images that may be given at once."""

    def run(self, inputs: Mapping[str, np.ndarray], *, taps: Collection[str] = ()) -> Run:
        """Run images, see :meth:`vitaccel.backends.interpreter.machine.Machine.run`."""


@dataclass(frozen=True)
class IntegerRun:
    """What a model made of some images.

    Parameters
    ----------
    outputs
        Integers of every output, in the order and the shape of the model's outputs, images along the first axis.
    scales
        What one step of each output is worth.
    taps
        Integers of every tapped value ``[images, tokens, channels]`` with their scales, by value.
    labels
        Layer that computes each tapped value.
    choices
        Experts chosen by each layer of experts, by label: ``[images, tokens, k]``, best first.
    """

    outputs: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]
    taps: dict[str, tuple[np.ndarray, np.ndarray]]
    labels: dict[str, str]
    choices: dict[str, np.ndarray]

    @property
    def values(self) -> tuple[np.ndarray, ...]:
        """The outputs as float32 numbers."""
        return tuple((o * s).astype(np.float32) for o, s in zip(self.outputs, self.scales, strict=True))


class IntegerModel:
    """A quantized Graph on a machine.

    Parameters
    ----------
    graph
        A recognised Graph whose values have scales.
    arch
        The machine; what is computed does not depend on its array or its buffers, only on ``numerics``.

    Raises
    ------
    VitaccelError
        If PyTorch is missing.
    QuantizationError
        If a value has no scale.
    UnsupportedError
        If a layer cannot be run in integers, or could overflow an accumulator.
    CapacityError
        If the Program does not fit the machine.
    """

    def __init__(self, graph: Graph, arch: Arch) -> None:
        _need_torch()
        lowered = compile_graph(graph, arch)
        self.arch = arch
        self.lowered: Lowered = lowered
        self._machines: dict[tuple[tuple[str, int], ...], Machine] = {}
        if not self._indices:
            self.machine({})

    @property
    def graph(self) -> Graph:
        """The Graph after its passes."""
        return self.lowered.graph

    @property
    def batch(self) -> int:
        """Images of one run of the Program: the first axis of the inputs."""
        graph = self.graph
        (batch,) = {graph[n].type.static_shape[0] for n in graph.inputs if n not in self._indices}
        return batch

    @property
    def _indices(self) -> list[str]:
        return [name for name in self.graph.inputs if self.graph[name].type.element != "f32"]

    def taps(self) -> dict[str, str]:
        """Values that can be tapped, each with the layer that computes it, in program order."""
        plan = self.lowered.plan
        found = {}
        for kernel in plan.kernels:
            tensor = plan.tensors[kernel.out]
            if kernel.out in self.graph and tensor.kind in ("activation", "output") and self.graph[kernel.out].scale:
                found[kernel.out] = kernel.label
        return found

    def run(
        self,
        inputs: Mapping[str, np.ndarray],
        *,
        taps: Collection[str] = (),
        side_by_side: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> IntegerRun:
        """Run images.

        Parameters
        ----------
        inputs
            For every input its images along the first axis, any number of them; for an index one integer.
        taps
            Values to return besides the outputs (see :meth:`taps`).
        side_by_side
            Images worked on together; 0 chooses by memory. The result does not depend on it.
        progress
            Called with images done and images in all.

        Raises
        ------
        ModelError
            If an input is missing or has another shape, or holds NaN or infinity.
        """
        arrays, choices = self._checked(inputs)
        known = self.taps()
        for name in taps:
            if name not in known:
                raise VitaccelError(
                    f"tap must be a value the Program computes, not {name!r}{did_you_mean(name, known)}"
                )
        machine = self.engine(choices)
        images = len(next(iter(arrays.values())))
        runs = -(-images // self.batch)
        step = min(side_by_side or self._side_by_side(), machine.most_images)
        parts = []
        for first in range(0, runs, step):
            count = min(step, runs - first)
            rows = np.arange(first * self.batch, (first + count) * self.batch).clip(max=images - 1)
            parts.append(self._part(machine, {name: array[rows] for name, array in arrays.items()}, taps))
            if progress:
                progress(min((first + count) * self.batch, images), images)
        return self._joined(parts, images, known)

    def tensors(
        self, inputs: Mapping[str, np.ndarray], *, taps: Collection[str] = ()
    ) -> Iterator[tuple[dict[str, np.ndarray], Run]]:
        """Run images one run after another, and yield of each the integers of tensors as they stand in memory.

        Parameters
        ----------
        inputs
            See :meth:`run`; images are repeated to fill the last run.
        taps
            Tensors of the Plan that its kernels write.

        Yields
        ------
        tuple
            Integers of the Plan's input tensors, and what the machine made of them; each ``[1, frames, tokens,
            channels]``.

        Raises
        ------
        ModelError
            See :meth:`run`.
        """
        from vitaccel.backends.image.inputs import input_integers

        arrays, choices = self._checked(inputs)
        graph, plan, _ = self.lowered
        machine = self.machine(choices)
        images = len(next(iter(arrays.values())))
        for first in range(0, images, self.batch):
            rows = np.arange(first, first + self.batch).clip(max=images - 1)
            integers = input_integers(graph, plan, {name: array[rows] for name, array in arrays.items()})
            yield integers, machine.run(integers, taps=taps)

    def engine(self, choices: Mapping[str, int]) -> RunsImages:
        """Return what :meth:`run` runs images on, with the constants of a choice of tasks."""
        return self.machine(choices)

    def machine(self, choices: Mapping[str, int]) -> Machine:
        """Return the interpreter with the constants of a choice of tasks, by name of the index; made once for each."""
        from vitaccel.backends.image import build_image
        from vitaccel.backends.interpreter.machine import Machine

        key = tuple(sorted(choices.items()))
        if key not in self._machines:
            graph, plan, program = self.lowered
            image = build_image(graph, plan, program, choices=choices)
            self._machines[key] = Machine(plan, program, image.bytes)
        return self._machines[key]

    def outputs_of(self, found: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        """Outputs as float32 numbers, in the model's shapes, of the integers of the Plan's output tensors.

        Parameters
        ----------
        found
            ``[runs, frames, tokens, channels]`` by tensor.
        """
        graph = self.graph
        scales = [np.array(graph[base(graph, name)].scale) for name in graph.outputs]
        shaped = [self._output(found, name) for name in graph.outputs]
        return tuple((o * s).astype(np.float32) for o, s in zip(shaped, scales, strict=True))

    # -- inside ------------------------------------------------------------------------------------------------------
    def _side_by_side(self) -> int:
        plan = self.lowered.plan
        sizes = [t.frames * t.tokens * t.channels for t in plan.tensors.values()]
        sizes += [
            k.frames * k.heads * k.queries * k.keys  # type: ignore[attr-defined]
            for k in plan.kernels
            if hasattr(k, "queries")
        ]
        return max(1, min(MOST_IMAGES, WORKING_SET // max(sizes)))

    def _checked(self, inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        arrays: dict[str, np.ndarray] = {}
        choices: dict[str, int] = {}
        for name in inputs:
            if name not in self.graph.inputs:
                raise ModelError(f"input must be one of {', '.join(self.graph.inputs)}, not {name!r}")
        for name in self.graph.inputs:
            if name not in inputs:
                raise ModelError(f"input {name!r} must be given: {self.graph[name].type}")
            array, shape = np.asarray(inputs[name]), self.graph[name].type.static_shape
            if name in self._indices:
                choices[name] = _one_index(name, array)
                continue
            if array.shape[1:] != shape[1:] or not len(array):
                wanted = "x".join(map(str, ("images", *shape[1:])))
                raise ModelError(f"input {name!r} must have shape {wanted}, not {'x'.join(map(str, array.shape))}")
            if not np.isfinite(array).all():
                raise ModelError(f"input {name!r} must hold finite numbers, not NaN or infinity")
            arrays[name] = array
        if len({len(array) for array in arrays.values()}) > 1:
            raise ModelError("inputs must hold the same number of images")
        return arrays, choices

    def _part(
        self, machine: RunsImages, arrays: Mapping[str, np.ndarray], taps: Collection[str]
    ) -> tuple[list[np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
        from vitaccel.backends.image.inputs import input_integers

        graph, plan, _ = self.lowered
        run = machine.run(input_integers(graph, plan, arrays), taps=taps)
        outputs = [self._output(run.outputs, name) for name in graph.outputs]
        seen = {n: v.reshape(-1, *v.shape[2:])[..., self._own_channels(n)] for n, v in run.taps.items()}
        return outputs, seen, run.choices

    def _own_channels(self, name: str) -> np.ndarray | slice:
        """Channels of a tensor that are the value's: the machine may fill heads up to whole words."""
        tensor = self.lowered.plan.tensors[name]
        return tensor.places(self.arch) if tensor.heads else slice(None)

    def _output(self, found: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        """An output of the model, in its shape, images along the first axis."""
        shape = self.graph[name].type.static_shape
        values = next(found[n] for n in found if n.split(".i16.")[0] == base(self.graph, name))
        # A view of the first token is a view of the first row.
        tokens = values.reshape(-1, *values.shape[2:])[:, : extent(self.graph[name].type).tokens]
        if len(shape) == 4:
            tokens = tokens.transpose(0, 2, 1)
        return tokens.reshape(-1, *shape[1:])

    def _joined(
        self,
        parts: list[tuple[list[np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]],
        images: int,
        labels: Mapping[str, str],
    ) -> IntegerRun:
        graph = self.graph
        outputs = tuple(np.concatenate(each)[:images] for each in zip(*(p[0] for p in parts), strict=True))
        scales = tuple(np.array(graph[base(graph, name)].scale) for name in graph.outputs)
        taps = {
            name: (np.concatenate([p[1][name] for p in parts])[:images], np.array(graph[name].scale))
            for name in parts[0][1]
        }
        choices = {}
        for label in parts[0][2]:
            routing = np.concatenate([p[2][label] for p in parts])
            choices[label] = routing.reshape(-1, routing.shape[1] // self.batch, routing.shape[2])[:images]
        return IntegerRun(outputs, scales, taps, {n: labels[n] for n in taps}, choices)


def _one_index(name: str, array: np.ndarray) -> int:
    values = np.unique(array)
    if array.dtype.kind not in "iu" or values.size != 1:
        raise ModelError(f"input {name!r} must be one integer for all images, not {values.size} different numbers")
    return int(values[0])


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise VitaccelError("running a model in integers needs PyTorch: pip install 'vitaccel[torch]'") from error
