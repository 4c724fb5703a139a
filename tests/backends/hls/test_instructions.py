"""The instruction set in C++ is that of the assembler: every field of every operation, decoded."""

from __future__ import annotations

import numpy as np
import pytest

from tests.hls.cpp_bench import run_cpp
from vitaccel.backends.hls.instructions import instructions_header
from vitaccel_rtl.accelerator.control_map import ERRORS
from vitaccel_rtl.accelerator.isa import (
    ATTENTION_MODES,
    BUFFERS,
    ENGINES,
    HEADER,
    LANE_FUNCTIONS,
    OPERATIONS,
    WORDS,
    Operation,
)

WAITS = [f"wait_{engine}" for engine in ENGINES]

START = f"""
        Instruction instruction;
        for (int n = 0; n < {WORDS}; ++n) instruction.word[n] = uint32_t(in[n]);
        out[0] = instruction.operation();
        out[1] = engine_of(instruction.operation());
        for (int n = 0; n < ENGINES; ++n) out[2 + n] = instruction.wait(n);"""


def decoded(operation: Operation, words: np.ndarray, names: list[str]) -> np.ndarray:
    body = f"{START}\n        const auto fields = decode_{operation.name}(instruction);"
    body += "".join(f"\n        out[{6 + n}] = fields.{name};" for n, name in enumerate(names))
    return run_cpp("instructions", body, words, outputs=6 + len(names))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_every_field_is_decoded(operation: Operation, seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [each.field.name for each in operation.places if each.field.name not in ("operation", *WAITS)]
    limits = {each.field.name: 1 << each.field.bits for each in operation.places}
    values = [{name: int(random.integers(limits[name])) for name in [*names, *WAITS]} for _ in range(50)]
    values.append({name: limits[name] - 1 for name in [*names, *WAITS]})
    found = decoded(operation, np.array([operation.encode(each) for each in values]), names)
    for row, each in zip(found.tolist(), values, strict=True):
        assert row[:2] == [operation.code, ENGINES.index(operation.engine)]
        assert row[2:6] == [each[name] for name in WAITS]
        assert row[6:] == [each[name] for name in names]


def test_an_unknown_operation_has_no_engine() -> None:
    codes = [each.code for each in OPERATIONS.values()]
    unknown = [code for code in range(256) if code not in codes]
    found = run_cpp("instructions", "out[0] = engine_of(int(in[0]));", np.array(unknown)[:, None])
    assert set(found[:, 0].tolist()) == {len(ENGINES)}


def test_numbers_of_names_are_those_of_the_instruction_set() -> None:
    names = {
        **{f"HEADER_{field.name.upper()}": n for n, field in enumerate(HEADER)},
        **{f"{engine.upper()}_ENGINE": n for n, engine in enumerate(ENGINES)},
        **{name.upper(): n for n, name in enumerate(BUFFERS)},
        **{f"LANE_{name.upper()}": n for n, name in enumerate(LANE_FUNCTIONS)},
        **{f"MODE_{name.upper()}": n for n, name in enumerate(ATTENTION_MODES)},
        **{f"ERROR_{name.upper()}": n for n, name in enumerate(ERRORS)},
    }
    body = "".join(f"out[{n}] = {name};" for n, name in enumerate(names)) + " (void)in;"
    assert run_cpp("instructions", body, [[0]], outputs=len(names))[0].tolist() == list(names.values())


def test_it_is_the_same_text_every_time() -> None:
    assert instructions_header() == instructions_header()
    assert max(map(len, instructions_header().splitlines())) <= 120
