"""A delivered block in a temporary directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel_sim.delivery.deliver import Delivery, deliver


@pytest.fixture
def delivered(tmp_path: Path) -> Callable[..., Delivery]:
    """Return ``delivered(name, **options)``, which writes a delivery to ``tmp_path``."""

    def write(name: str, **options: Any) -> Delivery:
        delivery = deliver(name, options)
        for file, text in delivery.files.items():
            (tmp_path / file).write_text(text)
        return delivery

    return write
