"""What is evaluated: a model of the zoo by its name, or an ONNX file in float or quantized, and its integer forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from vitaccel import zoo
from vitaccel.arch import Arch, Numerics
from vitaccel.compiler import prepare_graph
from vitaccel.errors import ModelError, QuantizationError, did_you_mean
from vitaccel.evaluation.data import EvaluationData, data_of
from vitaccel.evaluation.softmax_modes import MODES
from vitaccel.execution import IntegerModel
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph
from vitaccel.quantization import QuantizationOptions, QuantizationRecord, quantize
from vitaccel.quantization.runnable import is_quantized, logit_fraction_bits, machine_for, runnable
from vitaccel.zoo.digits import load_split

DIGITS = "-digits"
"""How the names of the trained models of the zoo end."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A model to evaluate.

    Parameters
    ----------
    name
        Of the zoo, or of the file without its ending.
    graph
        As imported.
    digits
        Whether it is trained on the handwritten digits, which are then its data.
    own
        Whether ``vitaccel quantize`` wrote the file: it has its metadata.
    """

    name: str
    graph: Graph
    digits: bool = False
    own: bool = False

    @property
    def quantized(self) -> bool:
        """Whether it came with scales."""
        return is_quantized(self.graph)


@dataclass(frozen=True)
class Pairing:
    """A float network and an integer network made of it.

    Parameters
    ----------
    reference
        The float network, prepared.
    model
        The integer network.
    record
        How it was quantized; ``None`` if it came so.
    """

    reference: Graph
    model: IntegerModel
    record: QuantizationRecord | None


def load_subject(
    text: str, *, input_shapes: Mapping[str, tuple[int, ...]] | None = None, progress: Say | None = None
) -> Subject:
    """Import a model.

    Parameters
    ----------
    text
        A path to an ONNX file, or a name of the zoo; what ends in ``.onnx`` or exists as a file is a path.
    input_shapes
        Shapes of inputs whose file leaves them open.
    progress
        Called with each step.

    Raises
    ------
    VitaccelError
        If the name is unknown, or the file cannot be imported.
    """
    path = Path(text)
    if path.suffix == ".onnx" or path.exists():
        imported = import_model(path, input_shapes=input_shapes, progress=progress)
        return Subject(path.stem, imported.graph, own=bool(imported.quantization))
    names = [info.name for info in zoo.models()]
    if text not in names:
        raise ModelError(f"model must be an ONNX file or a name of the zoo, not {text!r}{did_you_mean(text, names)}")
    with TemporaryDirectory() as folder:
        if progress:
            progress("export")
        # Both exporters give the same Graph; this one is faster.
        exported = zoo.export(text, Path(folder) / "model.onnx", exporter="legacy")
        graph = import_model(exported, input_shapes=input_shapes, progress=progress).graph
    return Subject(text, graph, digits=text.endswith(DIGITS))


def digits_data(subject: Subject, part: str) -> EvaluationData:
    """The ``test`` or the ``calibration`` part of the handwritten digits, for a model that takes them."""
    split = load_split(part)
    return data_of(subject.graph, {"images": split.images, "labels": split.labels}, f"handwritten digits, {part} split")


def integer_models(
    subject: Subject,
    arch: Arch,
    modes: Sequence[str],
    *,
    calibration: EvaluationData | None,
    options: QuantizationOptions,
    progress: Say,
    engine: Callable[[Graph, Arch], IntegerModel] = IntegerModel,
) -> Iterator[tuple[str, Pairing]]:
    """Make the integer network for every softmax mode; it is quantized once for each number of fraction bits.

    A model that came quantized is what ``vitaccel run`` makes of it, on a machine with the formats that it was
    quantized for; its float network has the same rounded weights.

    Parameters
    ----------
    subject
        The model.
    arch
        The machine; its numerics are replaced.
    modes
        Names of :data:`vitaccel.evaluation.softmax_modes.MODES`.
    calibration, options
        For a model in float; its weights are those of ``options.weight_bits``.
    progress
        Called with each step.
    engine
        Makes the integer network of a quantized Graph and the machine: what its integers are computed with.

    Raises
    ------
    QuantizationError
        If a value of a quantized model has no scale, or its logits have other fraction bits than a mode.
    VitaccelError
        If the model cannot be quantized or compiled.
    """
    graph = runnable(subject.graph, subject.name, own=subject.own) if subject.quantized else subject.graph
    done: dict[int, tuple[Graph, Graph, QuantizationRecord | None]] = {}
    for mode in modes:
        machine = machine_of_mode(arch, mode, options.weight_bits)
        fraction_bits = machine.numerics.logit_fraction_bits
        if subject.quantized:
            _check_fraction_bits(graph, fraction_bits)
            machine = machine_for(graph, machine)
        if fraction_bits not in done:
            reference = prepare_graph(graph, machine)
            if subject.quantized:
                done[fraction_bits] = reference, reference, None
            else:
                assert calibration is not None
                done[fraction_bits] = reference, *quantize(reference, calibration.inputs, options, progress)
        progress("compile")
        reference, quantized, record = done[fraction_bits]
        yield mode, Pairing(reference, engine(quantized, machine), record)


def machine_of_mode(arch: Arch, mode: str, weight_bits: int) -> Arch:
    """Return the machine with weights of so many bits and the formats of a softmax mode."""
    fraction_bits, numerator_bits = MODES[mode]
    return replace(arch, numerics=Numerics(weight_bits, numerator_bits, fraction_bits))


def own_fraction_bits(graph: Graph) -> int:
    """Fraction bits of the base-2 logits that a quantized Graph has or gets: 6 where they are in no such format."""
    return logit_fraction_bits(graph) or 6


def _check_fraction_bits(graph: Graph, fraction_bits: int) -> None:
    own = own_fraction_bits(graph)
    if own != fraction_bits:
        raise QuantizationError(
            f"softmax mode of model {graph.name!r} must be f{own}-u8, f{own}-u12 or f{own}-u16, as its logits are in "
            f"integers, not one of f{fraction_bits}"
        )
