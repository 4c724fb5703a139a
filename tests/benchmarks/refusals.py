"""What benchmarks of the accelerator in C++ refuse, and how a test sees that they do."""

from __future__ import annotations

from types import ModuleType

import pytest

REFUSED = (
    (("nosuch", "--pe", "4x4"), "model must be an ONNX file or a name of the zoo, not 'nosuch'"),
    (("vit-micro", "--pe", "5x5"), "P of the accelerator in C++ must be a power of two, "),
    (("vit-micro", "--pe", "many"), "--pe must be a count (64), "),
)
"""Arguments, and how the sentence begins."""


def check_refused(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Require that each of :data:`REFUSED` ends a script with exit code 2 and its sentence."""
    for arguments, sentence in REFUSED:
        with pytest.raises(SystemExit) as stopped:
            script.main(arguments)
        assert stopped.value.code == 2
        *_, last = capsys.readouterr().err.splitlines()
        assert f": error: {sentence}" in last
