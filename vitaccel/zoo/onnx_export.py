"""``export``: a zoo model to an ONNX file."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vitaccel.errors import OutputError, UnsupportedError, VitaccelError
from vitaccel.zoo.assemble import construct, example_inputs
from vitaccel.zoo.catalog import Request, resolve
from vitaccel.zoo.exporters import check_exporter, to_onnx
from vitaccel.zoo.load_weights import load_weights
from vitaccel.zoo.trained import set_weights

if TYPE_CHECKING:
    import onnx

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Type of the weights, the activations and the image of an exported model."""

EXTERNAL_THRESHOLD_BYTES = 1024
"""With external data, smaller tensors stay in the model file."""

LEGACY_SDPA_OPSET = 14
"""First opset at which the legacy exporter writes the fused attention call."""

_PROTOBUF_LIMIT_BYTES = 2**31 - 1


def export(
    name: str,
    path: str | os.PathLike[str],
    *,
    exporter: str = "dynamo",
    opset: int = 18,
    dynamic_batch: bool = False,
    batch: int = 1,
    external_data: bool = False,
    precision: str = "fp32",
    weights: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    **options: Any,
) -> Path:
    """Write a zoo model as ONNX and return its path.

    Inputs are ``image`` ``(batch, channels, height, width)`` and, with ``task_input``, the scalar int64 ``task``;
    the output is ``logits``. The file appears complete or not at all; one that is replaced keeps its permissions.

    Parameters
    ----------
    name
        A name of :func:`vitaccel.zoo.models`.
    path
        The ``.onnx`` file to write or replace.
    exporter
        ``dynamo`` (``torch.export``) or ``legacy`` (TorchScript).
    opset
        17 to 24 for ``dynamo`` (17 is converted down from 18), 13 to 20 for ``legacy``.
    dynamic_batch
        Leave the batch axis open; ``batch`` then must be left alone.
    batch
        Images in the traced input.
    external_data
        Write tensors of 1 KiB and more to ``<file name>.data`` beside the model.
    precision
        ``fp32``, ``fp16`` or ``bf16``: the type of weights, activations and image.
    weights
        A ``.pt``, ``.npz`` or ``.safetensors`` state dict to use instead of the model's own weights.
    seed
        Chooses random weights. Left out, it is 0, or the weights are trained: see :func:`vitaccel.zoo.build`.
    **options
        Options of that model.

    Raises
    ------
    VitaccelError
        A name, value, weight file or output path is wrong, or the exporter cannot write the model.
    """
    request = resolve(name, options)
    check_exporter(exporter, opset)
    _check(request, exporter=exporter, opset=opset, dynamic_batch=dynamic_batch, batch=batch, precision=precision)
    target = _checked_target(path)
    model = construct(request)
    if weights is None:
        set_weights(model, request, seed=seed)
    else:
        load_weights(model, Path(weights))
    kind = PRECISIONS[precision]
    # A traced batch of one would be taken for a constant.
    traced = example_inputs(name, batch=2 if dynamic_batch else batch, **options)
    traced["image"] = traced["image"].to(kind)
    proto = to_onnx(
        model.to(kind),
        traced,
        exporter=exporter,
        opset=opset,
        dynamic_batch=dynamic_batch,
        custom_ops=request.options.get("moe_style") == "microsoft",
    )
    _write(proto, target, external_data=external_data)
    return target


def _check(request: Request, *, exporter: str, opset: int, dynamic_batch: bool, batch: int, precision: str) -> None:
    if precision not in PRECISIONS:
        raise VitaccelError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if batch < 1:
        raise VitaccelError(f"batch must be a positive integer, not {batch!r}")
    if dynamic_batch and batch != 1:
        raise VitaccelError(f"batch must be left out with a dynamic batch axis, not {batch}")
    name, options = request.info.name, request.options
    style = options.get("moe_style")
    if dynamic_batch and style == "einsum_cap":
        raise UnsupportedError(f"batch axis of {name} must be fixed with moe_style einsum_cap: it sets the capacity")
    if exporter == "legacy" and options.get("antialias"):
        raise UnsupportedError(f"option antialias of {name} must be written by the dynamo exporter, not by legacy")
    if exporter == "legacy" and opset < LEGACY_SDPA_OPSET and options["attention"] == "sdpa":
        raise UnsupportedError(f"option attention of {name} must be eager with the legacy exporter at opset {opset}")
    if exporter == "dynamo" and style == "hit_loop":
        raise UnsupportedError(
            f"option moe_style hit_loop of {name} must be written by the legacy exporter, not dynamo"
        )


def _checked_target(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix != ".onnx":
        raise OutputError(f"output file must end in .onnx, not {target.name!r}")
    if target.is_dir():
        raise OutputError(f"output file {target} must be a file, not a directory")
    if not target.parent.is_dir():
        raise OutputError(f"directory of the output file must exist, not be missing: {target.parent}")
    return target


def _write(proto: onnx.ModelProto, target: Path, *, external_data: bool) -> None:
    """Save beside the target under the final names, then move the data and the model into place."""
    import onnx

    if not external_data and proto.ByteSize() > _PROTOBUF_LIMIT_BYTES:
        raise OutputError(
            f"model {target.name} must be under 2 GiB without external data, not {proto.ByteSize()} bytes"
        )
    data_name = f"{target.name}.data"
    try:
        aside = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"directory {target.parent} of the output file must be writable, but: {error.strerror or error}"
        ) from error
    try:
        onnx.save_model(
            proto,
            str(aside / target.name),
            save_as_external_data=external_data,
            location=data_name if external_data else None,
            size_threshold=EXTERNAL_THRESHOLD_BYTES,
        )
        # onnx makes data files that nobody else may read; the model file has the permissions of any new file.
        new_mode = (aside / target.name).stat().st_mode
        for written in filter(Path.exists, (aside / data_name, aside / target.name)):
            place = target.with_name(written.name)
            written.chmod(stat.S_IMODE(place.stat().st_mode if place.exists() else new_mode))
            written.replace(place)
    except OSError as error:
        raise OutputError(f"output file {target} must be writable, but: {error.strerror or error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
