"""Dispatch in C++: a program for another machine is refused, and so is an unknown operation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.machine_bench import PROGRAM, Bench, coded
from vitaccel.backends.rtl.program_file import ProgramFile, encode_program
from vitaccel.compiled_model.hls_model import HlsError
from vitaccel_rtl.accelerator.control_map import ERRORS
from vitaccel_rtl.accelerator.isa import FEATURES, HEADER, HEADER_BYTES, MAGIC, features_word

NAMES = [field.name for field in HEADER]


def refused(bench: Bench, content: bytes) -> str:
    bench.model.load(PROGRAM, content)
    with pytest.raises(HlsError) as caught:
        bench.model.run()
    return ERRORS[int(str(caught.value).split()[-1])]


def program(bench: Bench) -> np.ndarray:
    """The words of a program of one instruction that is legal."""
    bench.run_coded(coded([("lane", {"function": 1, "row_blocks": 1, "channels": 1, "last_rows": 4, "tiles": 1})]))
    size = HEADER_BYTES + 128
    return bench.model.memory(PROGRAM, size).view("<u4").copy()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "instructions"])
def test_a_header_of_another_machine_is_refused(name: str) -> None:
    bench = Bench(4)
    words = program(bench)
    words[NAMES.index(name)] ^= 1 << 31
    expected = {"magic": "magic", "version": "version"}.get(name, "machine")
    assert refused(bench, words.tobytes()) == expected


def test_a_program_needs_no_feature_to_be_legal_and_may_need_all() -> None:
    bench = Bench(4)
    words = program(bench)
    for features in range(1 << len(FEATURES)):
        words[NAMES.index("features")] = features
        bench.model.load(PROGRAM, words.tobytes())
        bench.model.run()


def test_a_machine_without_places_of_moments_refuses_a_program_that_needs_them() -> None:
    bench = Bench(4, moment_blocks=0)
    words = program(bench)
    words[NAMES.index("features")] = features_word(FEATURES) & ~features_word(["moments"])
    bench.model.load(PROGRAM, words.tobytes())
    bench.model.run()
    words[NAMES.index("features")] = features_word(["moments"])
    assert refused(bench, words.tobytes()) == "machine"


def test_an_unknown_operation_is_refused() -> None:
    bench = Bench(4)
    words = program(bench)
    words[HEADER_BYTES // 4] = 99
    assert refused(bench, words.tobytes()) == "operation"


def test_a_program_without_instructions_ends() -> None:
    bench = Bench(4)
    machine = dict.fromkeys(NAMES[3:], 0)
    words = program(bench)
    machine |= {name: int(words[NAMES.index(name)]) for name in machine}
    assert words[0] == MAGIC
    bench.model.load(PROGRAM, encode_program(ProgramFile(machine=machine, instructions=())))
    bench.model.run()
