"""The whole flow, top to bottom: ONNX file to Graph, Plan, Program and prediction, with named stopping points."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from vitaccel.arch import NO_DEVICE, Arch
from vitaccel.backends.cost_model.device_use import DeviceUse, device_use
from vitaccel.backends.cost_model.known_times import KnownTimes
from vitaccel.backends.cost_model.predict import ModelFacts, predict
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.backends.cost_model.routing import Routing, parse_routing
from vitaccel.backends.rtl.area import machine_shape
from vitaccel.backends.rtl.assemble import assemble, features
from vitaccel.backends.rtl.program_cycles import program_cycles, statistics_cycles
from vitaccel.collector import collector_paused
from vitaccel.errors import QuantizationError, UnsupportedError, VitaccelError, did_you_mean
from vitaccel.frontend import ImportedModel, import_model
from vitaccel.ir.graph import Graph
from vitaccel.ir.plan import Plan
from vitaccel.ir.program import Program
from vitaccel.ir.verify import verify_graph, verify_plan, verify_program
from vitaccel.passes.allocate import Allocate
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision
from vitaccel.passes.schedule import Schedule
from vitaccel.passes.tile import Tile
from vitaccel.quantization import QuantizationOptions, quantize
from vitaccel.quantization.runnable import is_quantized, machine_for
from vitaccel.quantization.source import Calibration
from vitaccel.quantization.stored import StoredChoices

PASS_NAMES = ("import", "canonicalize", "fuse", "label", "precision", "tile", "allocate", "schedule")
"""Stopping points of :func:`compile_graph`, in order; ``import`` is the frontend's Graph."""

Show = Callable[[str, str], None]
"""Called with a pass name and the text of what it made."""


@dataclass(frozen=True)
class Compiled:
    """A model, the Program for it, and what it was compiled from."""

    imported: ImportedModel
    graph: Graph
    plan: Plan
    program: Program


class Lowered(NamedTuple):
    """What the passes made of a Graph: the labelled Graph, the Plan and the Program."""

    graph: Graph
    plan: Plan
    program: Program


def prepare_graph(graph: Graph, arch: Arch, *, show: Show | None = None) -> Graph:
    """Run the passes that work on the Graph: what quantization begins with.

    Parameters
    ----------
    graph, arch, show
        See :func:`compile_graph`.
    """
    verify_graph(graph, after="import")
    for graph_pass in (
        Canonicalize(),
        Fuse(),
        Label(),
        Precision(logit_fraction_bits=arch.numerics.logit_fraction_bits),
    ):
        graph = graph_pass.run(graph)
        verify_graph(graph, after=graph_pass.name)
        if show:
            show(graph_pass.name, str(graph))
    return graph


def compile_graph(graph: Graph, arch: Arch, *, show: Show | None = None) -> Lowered:
    """Lower a recognised Graph to the Program of a machine.

    Parameters
    ----------
    graph
        From :func:`vitaccel.frontend.import_model`.
    arch
        The machine.
    show
        Receives the text after every pass.

    Raises
    ------
    UnsupportedError
        If an operation has no kernel.
    CapacityError
        If the program does not fit the buffers.
    """
    report = show or (lambda _name, _text: None)
    report("import", str(graph)) if show else None
    graph = prepare_graph(graph, arch, show=show)
    plan: Plan = Tile(arch=arch).run(graph)
    verify_plan(plan, after=Tile.name)
    report(Tile.name, str(plan)) if show else None
    plan = Allocate().run(plan)
    verify_plan(plan, after=Allocate.name)
    report(Allocate.name, str(plan)) if show else None
    program = Schedule().run(plan)
    verify_program(program, after=Schedule.name)
    report(Schedule.name, str(program)) if show else None
    return Lowered(graph, plan, program)


@dataclass(frozen=True)
class Quantized:
    """A quantized Graph, and what was chosen for it."""

    graph: Graph
    choices: StoredChoices


def quantize_model(
    graph: Graph,
    calibration: Calibration,
    options: QuantizationOptions | None = None,
    *,
    logit_fraction_bits: int = 6,
    progress: Callable[[str], None] | None = None,
) -> Quantized:
    """Quantize an imported model; :func:`vitaccel.backends.onnx_qdq.save` writes it.

    Parameters
    ----------
    graph
        A float model, from :func:`vitaccel.frontend.import_model`.
    calibration
        From :func:`vitaccel.quantization.source.calibration_for`.
    options
        What to choose; the defaults otherwise.
    logit_fraction_bits
        Of the machine, 6 or 8.
    progress
        Called with a short text as each stage goes on.

    Raises
    ------
    QuantizationError
        If the model has scales already.
    VitaccelError
        If PyTorch is missing, or the calibration does not fit.
    """
    if is_quantized(graph):
        raise QuantizationError("the model must be a float model to be quantized, not one that has scales already")
    machine = Arch()
    machine = replace(machine, numerics=replace(machine.numerics, logit_fraction_bits=logit_fraction_bits))
    result, record = quantize(prepare_graph(graph, machine), calibration.images, options, progress)
    return Quantized(result, StoredChoices(record, calibration.source, logit_fraction_bits))


def check_pass_names(names: Collection[str]) -> None:
    """Refuse a pass that does not exist.

    Raises
    ------
    VitaccelError
        Naming the passes there are.
    """
    for name in names:
        if name not in PASS_NAMES:
            known = ", ".join(PASS_NAMES)
            raise VitaccelError(f"--print-after must name one of {known}, not {name!r}{did_you_mean(name, PASS_NAMES)}")


@collector_paused()
def compile_model(
    source: Path | ImportedModel,
    arch: Arch,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    said: Collection[str] = (),
    print_after: Collection[str] = (),
    show: Show | None = None,
    progress: Callable[[str], None] | None = None,
) -> Compiled:
    """Compile an ONNX file for a machine.

    Parameters
    ----------
    source
        The ONNX file, or what :func:`vitaccel.frontend.import_model` made of it (to try several machines).
    arch
        The machine; for a quantized model it gets the number formats that the model was quantized for.
    input_shapes
        Shapes for inputs whose axes the file leaves open; "" names the only input. Not with an imported model.
    said
        Keys of the machine that its user wrote down, such as ``numerics.weight_bits``: these are not changed.
    print_after, show
        Passes whose result is shown, and where.
    progress
        Called with a short text as each stage starts.

    Raises
    ------
    QuantizationError
        If one of these says otherwise than a quantized model.
    VitaccelError
        For anything wrong with the file, the machine or the fit.
    """
    check_pass_names(print_after)
    say = progress or (lambda _text: None)
    if isinstance(source, ImportedModel):
        imported = source
    else:
        say("importing")
        imported = import_model(source, input_shapes=input_shapes, progress=progress)
    if is_quantized(imported.graph):
        arch = machine_for(imported.graph, arch, said=said)
    say("compiling")
    chosen: Show | None = None
    if show and print_after:
        target = show

        def chosen(name: str, text: str) -> None:
            if name in print_after:
                target(name, text)

    return Compiled(imported, *compile_graph(imported.graph, arch, show=chosen))


def simulate(
    source: Path | ImportedModel,
    arch: Arch,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    routing: str = "uniform",
    said: Collection[str] = (),
    print_after: Collection[str] = (),
    show: Show | None = None,
    progress: Callable[[str], None] | None = None,
) -> Prediction:
    """Predict cycles, traffic and energy of an ONNX model on a machine.

    Parameters
    ----------
    source, arch, input_shapes, said, print_after, show, progress
        See :func:`compile_model`.
    routing
        ``uniform``, ``worst`` or a JSON file of recorded queue lengths.
    """
    assumed = parse_routing(routing)
    compiled = compile_model(
        source, arch, input_shapes=input_shapes, said=said, print_after=print_after, show=show, progress=progress
    )
    return predict_compiled(compiled, assumed)


@collector_paused()
def predict_compiled(compiled: Compiled, routing: Routing | None = None) -> Prediction:
    """Predict a compiled model under a routing assumption, uniform when not given."""
    graph = compiled.imported.graph
    facts = ModelFacts(
        input_shapes=dict(compiled.imported.input_shapes),
        params=graph.parameters,
        macs_dense=graph.total_macs_dense,
        macs_exported=compiled.imported.macs_exported,
    )
    return predict(compiled.program, facts, routing, known_times(compiled.program), use_of_device(compiled.program))


def use_of_device(program: Program) -> DeviceUse | None:
    """Return what the accelerator that a Program needs takes of its machine's device.

    ``None`` if there is no such accelerator, or the machine names no device of which areas can be predicted.
    """
    arch = program.arch
    if arch.limits.device == NO_DEVICE:
        return None
    try:
        shape = machine_shape(arch, features(program.instructions))
    except UnsupportedError:
        return None
    return device_use(shape, arch.array.macs_per_multiplier, arch.limits.device)


def known_times(program: Program) -> Callable[[Routing], KnownTimes] | None:
    """Return what tells the cycles of every instruction of a Program under a routing, if the accelerator can run it.

    They are exact with a memory that keeps up with one port. ``None`` if there is no such accelerator: then they are
    estimated.
    """
    try:
        assembled = assemble(program)
    except UnsupportedError:
        return None
    arch = program.arch
    rate = arch.dram_bytes_per_cycle
    statistics = statistics_cycles(assembled)

    def times(routing: Routing) -> KnownTimes:
        run = program_cycles(
            assembled,
            arch.memory,
            latency_cycles=max(1, arch.memory.latency_cycles),
            bytes_per_cycle=rate if rate < arch.memory.beat_bytes else None,
            queues=routing.route_queues(program),
        )
        return KnownTimes(starts=run.starts, free=run.free, dones=run.dones, cycles=run.cycles, statistics=statistics)

    return times
