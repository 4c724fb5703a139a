from __future__ import annotations

import pytest

from vitaccel.arch import Numerics
from vitaccel.errors import VitaccelError
from vitaccel.evaluation.softmax_modes import MODES, softmax_mode, softmax_modes


def test_every_mode_of_a_machine_has_its_name() -> None:
    assert {softmax_mode(Numerics(8, numerator, fraction)) for fraction, numerator in MODES.values()} == set(MODES)
    assert softmax_modes("all") == ("f6-u8", "f6-u12", "f6-u16", "f8-u8", "f8-u12", "f8-u16")
    assert softmax_modes("f8-u12") == ("f8-u12",)
    assert MODES["f8-u12"] == (8, 12)


def test_unknown() -> None:
    with pytest.raises(VitaccelError, match=r"softmax mode must be one of f6-u8, .*, all, not 'f6u8' \(did you mean"):
        softmax_modes("f6u8")
