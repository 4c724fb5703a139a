"""Weights from a file into a zoo model, checked before anything is written."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vitaccel.errors import VitaccelError, did_you_mean
from vitaccel.zoo.weights import canonical_tensors

SUFFIXES = (".pt", ".pth", ".npz", ".safetensors")


def load_weights(model: nn.Module, path: Path) -> None:
    """Copy a state dict into ``model``.

    Names are those of ``model.state_dict()``, or the layout-independent ones of
    :func:`vitaccel.zoo.weights.canonical_tensors`. A dict under the key ``state_dict`` or ``model`` is unwrapped.

    Raises
    ------
    VitaccelError
        The file cannot be read, or a tensor is missing, unknown, of another shape, or not finite.
    """
    found = _read(path)
    expected = _expected(model, found)
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing:
        raise VitaccelError(f"weight file {path} must hold {len(expected)} tensors, not miss {_some(missing)}")
    if unknown:
        hint = did_you_mean(unknown[0], expected)
        raise VitaccelError(f"weight file {path} must hold only tensors of the model, not {_some(unknown)}{hint}")
    for name, target in expected.items():
        _check_tensor(name, found[name], target, path)
    with torch.no_grad():
        for name, target in expected.items():
            target.copy_(found[name])


def _expected(model: nn.Module, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the model's tensors in the naming that fits the file better."""
    own = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    canonical = dict(canonical_tensors(model))
    return canonical if len(canonical.keys() & found.keys()) > len(own.keys() & found.keys()) else own


def _check_tensor(name: str, value: Tensor, target: Tensor, path: Path) -> None:
    if value.shape != target.shape:
        raise VitaccelError(f"weight {name} of {path} must have shape {tuple(target.shape)}, not {tuple(value.shape)}")
    if not bool(torch.isfinite(value).all()):
        raise VitaccelError(f"weight {name} of {path} must be finite, not NaN or infinite")


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix not in SUFFIXES:
        raise VitaccelError(f"weight file must end in {', '.join(SUFFIXES)}, not {path.name!r}")
    if not path.is_file():
        raise VitaccelError(f"weight file must exist, not be missing: {path}")
    try:
        content = _parse(path)
    except (OSError, ValueError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise VitaccelError(
            f"weight file {path} must be a state dict in {path.suffix} format, not unreadable"
        ) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise VitaccelError(f"weight file {path} must hold a mapping from names to tensors, not something else")
    return {str(name): value for name, value in content.items() if not str(name).endswith("num_batches_tracked")}


def _parse(path: Path) -> object:
    if path.suffix == ".npz":
        # np.load leaves a file open that it cannot read, unless it is handed one.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    if path.suffix == ".safetensors":
        return _parse_safetensors(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _parse_safetensors(path: Path) -> object:
    try:
        from safetensors.torch import load_file  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError as error:
        raise VitaccelError(
            "a .safetensors weight file needs safetensors: install it with pip install safetensors"
        ) from error
    return load_file(path)
