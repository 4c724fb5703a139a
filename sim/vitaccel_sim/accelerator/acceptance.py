"""The verification of a delivered network: its golden vectors or a user's images, on the hardware in the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import memory_map
from vitaccel.errors import VitaccelError
from vitaccel.evaluation.data import EvaluationData, read_data
from vitaccel.execution import IntegerModel
from vitaccel.frontend import import_model
from vitaccel.quantization.runnable import runnable
from vitaccel_sim.accelerator.behaviour import CHANNELS, MemoryBehaviour
from vitaccel_sim.accelerator.delivered import MACHINE, MEMORY_MAP, VERILOG, WEIGHTS, Delivered, read_delivery
from vitaccel_sim.accelerator.expectations import expected_of, golden_images
from vitaccel_sim.accelerator.findings import ImageResult, Verification
from vitaccel_sim.accelerator.verify import Expected, verify
from vitaccel_sim.verilate import BuildError

Said = Callable[[str], None]
"""Called with the name of each step before it begins, and after each image."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to verify.

    Parameters
    ----------
    folder
        That ``vitaccel gen-rtl`` wrote.
    inputs
        A file of images, and labels if it has any; the golden vectors when left out.
    images
        The first so many; all when left out.
    compares_tensors
        Whether tensors on the way are compared, not only the outputs.
    memory
        What is said of the memory: ``latency_cycles``, ``jitter_cycles``, ``beats``, ``beats_cycles`` of
        :class:`vitaccel_sim.accelerator.behaviour.MemoryBehaviour`, and ``stall``, that of every channel. What is
        ``None`` or left out is the machine's, or none.
    seed
        Of its stalls.
    waveforms
        Folder for a waveform around the first mismatch.
    """

    folder: Path
    inputs: Path | None = None
    images: int | None = None
    compares_tensors: bool = True
    memory: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    waveforms: Path | None = None


Predicts = Callable[[IntegerModel, MemoryBehaviour, Mapping[str, np.ndarray]], int]
"""Cycles of a run of a model, by the memory and the experts that were chosen."""


def accept(request: Request, say: Said, *, predicts: Predicts | None = None) -> Verification:
    """Run a delivery and compare it with the interpreter.

    Parameters
    ----------
    request
        What to verify.
    say
        Hears of the progress.
    predicts
        The prediction; when left out, golden vectors hold one for the latency of the machine.

    Raises
    ------
    VitaccelError
        If the folder lacks a file or has another network's, Verilator refuses its Verilog, the images do not fit the
        model, or PyTorch is missing; if the weights are not the model's, and no number that was compared shows it.
    """
    say("read")
    delivered = read_delivery(request.folder)
    imported = import_model(delivered.model)
    graph = runnable(imported.graph, str(delivered.model), own=bool(imported.quantization))
    say("compile")
    model = IntegerModel(graph, delivered.arch)
    _check_map(delivered, model)
    taps = [kernel.out for kernel in model.lowered.plan.kernels] if request.compares_tensors else []
    data = None if request.inputs is None else read_data(model.graph, request.inputs)
    if data is not None and request.images is not None:
        data = data.first(request.images)
    behaviour = _behaviour(delivered.arch, request.memory)

    def cycles(chosen: Mapping[str, np.ndarray]) -> int | None:
        return predicts(model, behaviour, chosen) if predicts else None

    choices = dict.fromkeys(_indices(model), 0)
    if data is None:
        stored = behaviour.latency_cycles == delivered.arch.memory.latency_cycles
        images = _golden(delivered, model, taps, request.images, cycles=None if stored and not predicts else cycles)
    else:
        choices = {name: int(data.inputs[name][0]) for name in _indices(model)}
        images = expected_of(model, _fed(model, data), taps=taps, cycles=cycles)
    has_own_weights = _has_own_weights(delivered, model, choices)
    say("build")
    found = _verified(request, delivered, images, behaviour, say)
    if not has_own_weights and found.is_right:
        raise VitaccelError(
            f"{WEIGHTS} must be that of {delivered.model.name}, though no number that was compared differs"
        )
    if data is None or data.labels is None:
        return found
    return replace(found, top1=_top1(model, found, data.labels))


def _verified(
    request: Request, delivered: Delivered, images: Iterator[Expected], behaviour: MemoryBehaviour, say: Said
) -> Verification:
    try:
        return verify(
            delivered.hardware,
            images,
            behaviour=behaviour,
            seed=request.seed,
            waveforms=request.waveforms,
            progress=lambda done, result: say(_told(done, result)),
        )
    except BuildError as error:
        lines = str(error).splitlines()
        said = next((line for line in lines if "%Error" in line), lines[0])
        raise VitaccelError(f"{VERILOG} must be Verilog that Verilator accepts: {said}") from error


def _check_map(delivered: Delivered, model: IntegerModel) -> None:
    """Refuse a memory map by which other bytes than the model's tensors would be compared."""
    found, (_, plan, program) = delivered.hardware.memory, model.lowered
    own = memory_map(plan, program, program_address=found.program, program_bytes=found.program_bytes)
    wrong = [
        each.name
        for each in fields(own)
        if each.name != "name" and getattr(own, each.name) != getattr(found, each.name)
    ]
    if wrong:
        raise VitaccelError(
            f"{MEMORY_MAP} must be that of {delivered.model.name} on the machine of {MACHINE}, and {', '.join(wrong)} "
            f"{'are' if len(wrong) > 1 else 'is'} not"
        )


def _behaviour(arch: Arch, said: Mapping[str, Any]) -> MemoryBehaviour:
    """The memory that a machine is described with, but for what is said."""
    given = {name: value for name, value in said.items() if value is not None}
    stall = given.pop("stall", 0.0)
    numbers = {"latency_cycles": max(1, arch.memory.latency_cycles), **given}
    return MemoryBehaviour(**numbers, stalls=dict.fromkeys(CHANNELS, stall))


def _golden(
    delivered: Delivered,
    model: IntegerModel,
    taps: list[str],
    most: int | None,
    *,
    cycles: Callable[[Mapping[str, np.ndarray]], int | None] | None,
) -> Iterator[Expected]:
    """The golden vectors, with the tensors on the way that the interpreter makes of them, and *cycles* or their own."""
    machine = model.machine(dict.fromkeys(_indices(model), 0))
    for at, image in enumerate(golden_images(delivered.golden)):
        if most is not None and at >= most:
            return
        run = machine.run({name: values[None] for name, values in image.inputs.items()}, taps=taps)
        taken = cycles(run.choices) if cycles else image.cycles
        yield replace(image, taps={name: values[0] for name, values in run.taps.items()}, cycles=taken)


def _indices(model: IntegerModel) -> list[str]:
    return [name for name in model.graph.inputs if model.graph[name].type.element != "f32"]


def _fed(model: IntegerModel, data: EvaluationData) -> dict[str, np.ndarray]:
    """Arrays as the interpreter takes them: one integer of each index."""
    return {name: array[:1] if name in _indices(model) else array for name, array in data.inputs.items()}


def _has_own_weights(delivered: Delivered, model: IntegerModel, choices: dict[str, int]) -> bool:
    """Whether the weights are those of the model.

    Of a model without a choice of tasks the run is to show what others do: the first number that is wrong.

    Raises
    ------
    VitaccelError
        If they are those of another choice.
    """
    own = model.machine(choices).constants.numpy().tobytes() == delivered.hardware.weights
    if choices and not own:
        raise VitaccelError(
            f"{WEIGHTS} must be that of {delivered.model.name}, for the choice of tasks that is verified"
        )
    return own


def _top1(model: IntegerModel, found: Verification, labels: np.ndarray) -> float:
    """Accuracy of what the hardware gave; a run that failed is wrong."""
    runs = [result.outputs for result in found.results if result.outputs]
    if not runs:
        return 0.0
    joined = {name: np.stack([run[name] for run in runs]) for name in runs[0]}
    which = np.concatenate(
        [np.arange(at * model.batch, (at + 1) * model.batch) for at, r in enumerate(found.results) if r.outputs]
    )
    classes = model.outputs_of(joined)[0].argmax(-1)
    own = which < len(labels)
    return float((classes[own] == labels[which[own]]).sum() / len(labels))


def _told(done: int, result: ImageResult) -> str:
    return f"run {done}: {'equal' if result.is_equal else 'not equal'}, {result.cycles:,} cycles"
