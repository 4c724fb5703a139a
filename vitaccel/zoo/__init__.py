"""Model zoo: PyTorch vision transformers with seeded weights that export to ONNX.

``models`` lists what there is and needs no PyTorch; the rest is imported on first use and needs the ``torch`` extra.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vitaccel.errors import VitaccelError
from vitaccel.zoo.catalog import ModelInfo, models
from vitaccel.zoo.option import Option

if TYPE_CHECKING:
    from vitaccel.zoo.assemble import build, example_input, example_inputs
    from vitaccel.zoo.onnx_export import export
    from vitaccel.zoo.truth import count_macs, count_parameters

__all__ = [
    "ModelInfo",
    "Option",
    "build",
    "count_macs",
    "count_parameters",
    "example_input",
    "example_inputs",
    "export",
    "models",
]

_HOME = {
    "build": "vitaccel.zoo.assemble",
    "example_input": "vitaccel.zoo.assemble",
    "example_inputs": "vitaccel.zoo.assemble",
    "export": "vitaccel.zoo.onnx_export",
    "count_macs": "vitaccel.zoo.truth",
    "count_parameters": "vitaccel.zoo.truth",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOME[name])
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in {"torch", "onnxscript"}:
            raise
        raise VitaccelError(
            f"vitaccel.zoo.{name} needs PyTorch: install it with pip install 'vitaccel[torch]'"
        ) from error
    return getattr(module, name)
