from __future__ import annotations

from pathlib import Path

import pytest

from tests.frontend.recognize.conftest import Net


@pytest.fixture
def net(tmp_path: Path, seed: int) -> Net:
    return Net(tmp_path / "net.onnx", seed=seed)
