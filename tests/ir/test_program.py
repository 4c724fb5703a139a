"""The text of a Program."""

from __future__ import annotations

from tests.ir.test_instruction import LANE, LOAD, MATMUL
from vitaccel.arch import Arch
from vitaccel.ir.program import Program


def test_a_program_names_layers_and_numbers_instructions() -> None:
    program = Program("net", Arch(), [LOAD, MATMUL, LANE])
    assert str(program) == (
        "program net version 1 for 8x8 PEs, 3 instructions\n"
        f"  fc:\n        0 {LOAD}\n        1 {MATMUL}\n  norm:\n        2 {LANE}\n"
    )
