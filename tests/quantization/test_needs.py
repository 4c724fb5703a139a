from __future__ import annotations

import sys

import pytest

from vitaccel.errors import VitaccelError
from vitaccel.quantization.needs import need_torch


def test_without_pytorch_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    need_torch("this")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(VitaccelError, match=r"^this needs PyTorch: pip install 'vitaccel\[torch\]'$"):
        need_torch("this")
