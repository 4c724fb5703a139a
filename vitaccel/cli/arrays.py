"""Arrays that commands read and write: ``--input [NAME=]FILE``, and the outputs of a model in one file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from vitaccel.errors import ModelError, OutputError


def named_file(text: str) -> tuple[str, Path]:
    """Split ``NAME=FILE``; the name is "" when the text is a file."""
    name, equals, path = text.partition("=")
    return (name, Path(path)) if equals and not Path(text).exists() else ("", Path(text))


def read_arrays(path: Path, name: str) -> list[tuple[str, np.ndarray]]:
    """Return the arrays of a ``.npy`` or ``.npz`` file with their input names, ``name`` for a single one.

    Raises
    ------
    ModelError
        If the file cannot be read, or holds something else than arrays of numbers.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            found = [(name, loaded)]
        else:
            with loaded:
                found = [(name or key, loaded[key]) for key in loaded.files]
    except OSError as error:
        raise ModelError(f"input file {path} must be readable: {error.strerror or error}") from error
    except (ValueError, EOFError, BadZipFile) as error:
        raise ModelError(f"input file {path} must be a .npy or .npz file of numbers") from error
    for _, array in found:
        if array.dtype.kind not in "biuf":
            raise ModelError(f"input file {path} must be a .npy or .npz file of numbers, not of {array.dtype}")
    return found


def feeds(arrays: Iterable[tuple[str, np.ndarray]], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return arrays by input name; one without a name goes to the only input that has none yet.

    Raises
    ------
    ModelError
        If an input gets two arrays, or an array without a name could go to several inputs.
    """
    fed: dict[str, np.ndarray] = {}
    unnamed = []
    for name, array in arrays:
        if name in fed:
            raise ModelError(f"--input must give input {name!r} once")
        if name:
            fed[name] = array
        else:
            unnamed.append(array)
    free = [name for name in names if name not in fed]
    if len(unnamed) > 1 or (unnamed and len(free) != 1):
        raise ModelError(f"--input must name its input, one of {', '.join(names)}: --input {names[0]}=x.npy")
    return fed | dict(zip(free, unnamed, strict=False))


def packed(output: Path, arrays: Sequence[np.ndarray]) -> bytes:
    """Return the content of the output file: ``.npz`` names its arrays ``output0``, ``output1``, ...

    Raises
    ------
    OutputError
        If several outputs are to go into one ``.npy``.
    """
    if output.suffix == ".npz":
        return archive({f"output{at}": array for at, array in enumerate(arrays)})
    if len(arrays) != 1:
        raise OutputError(f"output file must end in .npz for the {len(arrays)} outputs of this model")
    return npy(arrays[0])


def npy(array: np.ndarray) -> bytes:
    """Return the content of a ``.npy`` file."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def archive(arrays: dict[str, np.ndarray]) -> bytes:
    """Return the content of a ``.npz`` file; the same arrays give the same bytes."""
    content, named = io.BytesIO(), dict[str, Any](arrays)
    np.savez(content, **named)
    return content.getvalue()
