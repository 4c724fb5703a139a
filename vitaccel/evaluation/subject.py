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
from vitaccel.ir.ops import AttentionLogits
from vitaccel.quantization import QuantizationOptions, QuantizationRecord, quantize
from vitaccel.quantization.grid import base2_step
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
    """

    name: str
    graph: Graph
    digits: bool = False

    @property
    def quantized(self) -> bool:
        """Whether it came with scales."""
        return any(self.graph[name].scale for name in self.graph)


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
        graph = import_model(path, input_shapes=input_shapes, progress=progress).graph
        return Subject(path.stem, graph)
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
) -> Iterator[tuple[str, Pairing]]:
    """Make the integer network for every softmax mode; it is quantized once for each number of fraction bits.

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

    Raises
    ------
    QuantizationError
        If a quantized model has logits of other fraction bits than a mode.
    VitaccelError
        If the model cannot be quantized or compiled.
    """
    weight_bits = _weight_bits(subject.graph) if subject.quantized else options.weight_bits
    done: dict[int, tuple[Graph, Graph, QuantizationRecord | None]] = {}
    for mode in modes:
        fraction_bits, numerator_bits = MODES[mode]
        machine = replace(arch, numerics=Numerics(weight_bits, numerator_bits, fraction_bits))
        if fraction_bits not in done:
            reference = prepare_graph(subject.graph, machine)
            if subject.quantized:
                _check_fraction_bits(reference, fraction_bits)
                done[fraction_bits] = reference, reference, None
            else:
                assert calibration is not None
                done[fraction_bits] = reference, *quantize(reference, calibration.inputs, options, progress)
        progress("compile")
        reference, quantized, record = done[fraction_bits]
        yield mode, Pairing(reference, IntegerModel(quantized, machine), record)


def own_fraction_bits(graph: Graph) -> int:
    """Fraction bits of the base-2 logits that a quantized Graph was scaled for; 6 when it has no attention."""
    found = [graph[name].scale for name in graph.find(lambda node: isinstance(node.op, AttentionLogits))]
    return 8 if any(scale == (base2_step(8),) for scale in found) else 6


def _check_fraction_bits(graph: Graph, fraction_bits: int) -> None:
    own = own_fraction_bits(graph)
    if own != fraction_bits:
        raise QuantizationError(
            f"softmax mode of model {graph.name!r} must be f{own}-u8, f{own}-u12 or f{own}-u16, as it was quantized, "
            f"not one of f{fraction_bits}"
        )


def _weight_bits(graph: Graph) -> int:
    return 4 if any(graph.is_const(name) and graph[name].fmt == "int4" for name in graph) else 8
