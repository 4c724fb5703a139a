"""The two ONNX exporters of PyTorch behind one call, without their chatter."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.onnx import TrainingMode

from vitaccel.errors import UnsupportedError, VitaccelError
from vitaccel.zoo.microsoft_moe import legacy_symbolic, translation_table

if TYPE_CHECKING:
    import onnx

OPSETS = {"dynamo": range(17, 25), "legacy": range(13, 21)}
"""Opsets that each exporter really writes. Below 17 dynamo silently writes 18; its 17 is converted down from 18."""

OUTPUT_NAME = "logits"
_OTHER = {"dynamo": "legacy", "legacy": "dynamo"}


def check_exporter(exporter: str, opset: int) -> None:
    """Raise when ``exporter`` is unknown or does not write ``opset``."""
    if exporter not in OPSETS:
        raise VitaccelError(f"exporter must be dynamo or legacy, not {exporter!r}")
    if opset in OPSETS[exporter]:
        return
    legal, other = OPSETS[exporter], _OTHER[exporter]
    raise UnsupportedError(
        f"opset of the {exporter} exporter must be from {legal.start} to {legal.stop - 1}, not {opset}; "
        f"the {other} exporter writes {OPSETS[other].start} to {OPSETS[other].stop - 1}"
    )


def to_onnx(
    model: nn.Module, inputs: Mapping[str, Tensor], *, exporter: str, opset: int, dynamic_batch: bool, custom_ops: bool
) -> onnx.ModelProto:
    """Return ``model`` as ONNX with weights inside.

    Parameters
    ----------
    model, inputs
        Module in eval mode and its inputs by name, in order.
    exporter, opset
        Checked by :func:`check_exporter`.
    dynamic_batch
        Leave the first axis of ``image`` open, named ``batch``.
    custom_ops
        The model holds the ``com.microsoft::MoE`` node.

    Raises
    ------
    UnsupportedError
        The exporter refuses the model, or writes another opset than the one asked for.
    """
    convert = _dynamo if exporter == "dynamo" else _legacy
    try:
        with _silence(), torch.no_grad():
            proto = convert(model, inputs, opset=opset, dynamic_batch=dynamic_batch, custom_ops=custom_ops)
    except Exception as error:
        reason = _first_sentence(error)
        raise UnsupportedError(
            f"the {exporter} exporter cannot write this model at opset {opset} ({reason}); "
            f"try the {_OTHER[exporter]} exporter"
        ) from error
    written = next(entry.version for entry in proto.opset_import if entry.domain in {"", "ai.onnx"})
    if written != opset:
        raise UnsupportedError(
            f"opset of the {exporter} export must be {opset}, not {written}: an operator cannot be converted "
            f"down; try the {_OTHER[exporter]} exporter"
        )
    return proto


def _dynamo(
    model: nn.Module, inputs: Mapping[str, Tensor], *, opset: int, dynamic_batch: bool, custom_ops: bool
) -> onnx.ModelProto:
    shapes = tuple({0: torch.export.Dim("batch")} if name == "image" else None for name in inputs)
    # The optimiser of the exporter folds batch normalisation into convolutions and with it loses learned parameters.
    program = torch.onnx.export(
        model,
        tuple(inputs.values()),
        dynamo=True,
        opset_version=opset,
        input_names=list(inputs),
        output_names=[OUTPUT_NAME],
        dynamic_shapes=shapes if dynamic_batch else None,
        custom_translation_table=translation_table() if custom_ops else None,
        optimize=not _has_batch_norm(model),
        verbose=False,
    )
    assert program is not None
    return program.model_proto


def _legacy(
    model: nn.Module, inputs: Mapping[str, Tensor], *, opset: int, dynamic_batch: bool, custom_ops: bool
) -> onnx.ModelProto:
    import onnx

    stream = io.BytesIO()
    with ExitStack() as stack:
        if custom_ops:
            stack.enter_context(legacy_symbolic(opset))
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            stream,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=opset,
            # The same holds for the peephole that runs only when a model is exported for evaluation.
            training=TrainingMode.PRESERVE if _has_batch_norm(model) else TrainingMode.EVAL,
            input_names=list(inputs),
            output_names=[OUTPUT_NAME],
            dynamic_axes={"image": {0: "batch"}, OUTPUT_NAME: {0: "batch"}} if dynamic_batch else None,
            verbose=False,
        )
    return onnx.load_model_from_string(stream.getvalue())


def _has_batch_norm(model: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@contextmanager
def _silence() -> Iterator[None]:
    """Swallow prints, warnings and log records of the exporters; they report nothing that an error does not."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
            _no_native_output(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextmanager
def _no_native_output() -> Iterator[None]:
    """Swallow what C++ writes: the legacy exporter prints the whole graph when an operator fails."""
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in kept:
            os.dup2(sink, descriptor)
        yield
    finally:
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(sink)


def _first_sentence(error: BaseException) -> str:
    """Return the first line of the innermost cause, which names the operator; the outer ones are advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].split(". ")[0].rstrip(".:") if lines else type(error).__name__
