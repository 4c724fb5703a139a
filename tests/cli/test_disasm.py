"""``vitaccel disasm``: a program as text and as JSON; what is no program is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backends.rtl.programs import MACHINE, SMALL
from vitaccel.backends.rtl.disassembly import disassembly
from vitaccel.backends.rtl.program_file import encode_program

Run = Callable[..., Any]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.bin"
    path.write_bytes(encode_program(SMALL))
    return path


def test_text(vitaccel: Run, program: Path) -> None:
    result = vitaccel("disasm", program)
    assert result.code == 0
    assert result.out == disassembly(SMALL)


def test_json(vitaccel: Run, program: Path) -> None:
    result = vitaccel("disasm", program, "--json")
    assert result.code == 0
    record = json.loads(result.out)
    assert record["machine"] == MACHINE
    load, _, _, attention, _ = record["instructions"]
    assert load == {
        "operation": "load",
        "engine": "load",
        "waits": {},
        "expert": None,
        "fields": {"dram": 0x8000, "rows": 4, "row_bytes": 64, "stride_bytes": 64, "step": 8},
    }
    assert attention["expert"] == 2
    assert attention["waits"] == {"compute": 1, "vector": 1}
    assert attention["fields"] == {"mode": 1, "heads": 3}


def test_json_to_a_file_leaves_the_text(vitaccel: Run, program: Path, tmp_path: Path) -> None:
    result = vitaccel("disasm", program, "--json", tmp_path / "out.json")
    assert result.out == disassembly(SMALL)
    assert len(json.loads((tmp_path / "out.json").read_text())["instructions"]) == 5


def test_what_is_no_program_is_refused(vitaccel: Run, program: Path, tmp_path: Path) -> None:
    program.write_bytes(program.read_bytes()[:-3])
    sentence = f"{program} must have 704 bytes, a header and 5 instructions, not 701"
    assert vitaccel("disasm", program).refused() == sentence
    missing = tmp_path / "missing.bin"
    sentence = f"program {missing} must be a readable file, but: No such file or directory"
    assert vitaccel("disasm", missing).refused() == sentence
