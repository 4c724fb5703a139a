"""Zoo models as ONNX files, each exported once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel import zoo


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return ``exported(name, **arguments)``: the file that ``vitaccel.zoo.export`` writes for these arguments."""
    folder = tmp_path_factory.mktemp("zoo")
    files: dict[tuple[object, ...], Path] = {}

    def export(name: str, **arguments: Any) -> Path:
        key = (name, *sorted(arguments.items()))
        if key not in files:
            place = folder / str(len(files))
            place.mkdir()
            files[key] = zoo.export(name, place / f"{name}.onnx", **arguments)
        return files[key]

    return export
