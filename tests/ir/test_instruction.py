"""What instructions print, and what they are made of."""

from __future__ import annotations

from dataclasses import fields

import pytest

from vitaccel.ir.instruction import (
    NO_WAITS,
    Attention,
    Engine,
    Gather,
    Instruction,
    Lane,
    Load,
    MatMul,
    Route,
    ScatterAdd,
    Store,
)

LOAD = Load(layer="fc", dram=64, buffer="weight", address=0, row_bytes=640, stride_bytes=640)
MATMUL = MatMul(
    layer="fc", a=0, weight=0, out=40, out_step=8, row_blocks=5, tokens=36, k=10, n=8, n_tiles=1, waits=(1, 0, 2, 0)
)
LANE = Lane(layer="norm", function="layernorm", a=40, out=0, row_blocks=5, tokens=36, channels=8, expert=3)


def test_an_instruction_prints_what_is_not_default() -> None:
    assert str(LOAD) == "load    load dram=64 buffer=weight address=0 row_bytes=640 stride_bytes=640"
    assert str(MATMUL) == (
        "compute matmul a=0 weight=0 out=40 out_step=8 row_blocks=5 tokens=36 k=10 n=8 n_tiles=1 wait load>=1 vector>=2"
    )
    assert str(LANE) == "vector  lane expert=3 function=layernorm a=40 out=0 row_blocks=5 tokens=36 channels=8"


def test_engines_have_the_order_of_waits() -> None:
    assert [e.name.lower() for e in Engine] == ["load", "compute", "vector", "store"]
    assert len(NO_WAITS) == len(Engine)


@pytest.mark.parametrize(
    ("kind", "engine"),
    [
        (Load, Engine.LOAD),
        (Store, Engine.STORE),
        (MatMul, Engine.COMPUTE),
        (Attention, Engine.COMPUTE),
        (Lane, Engine.VECTOR),
        (Route, Engine.VECTOR),
        (Gather, Engine.VECTOR),
        (ScatterAdd, Engine.VECTOR),
    ],
)
def test_every_instruction_has_its_engine_and_is_documented(kind: type[Instruction], engine: Engine) -> None:
    assert kind.engine is engine
    assert kind.mnemonic
    assert kind.__doc__


def test_a_transfer_moves_its_rows() -> None:
    assert (
        Store(layer="", dram=0, buffer="activation", address=0, rows=3, row_bytes=5, stride_bytes=9).total_bytes == 15
    )


def test_instructions_are_integers_and_words_only() -> None:
    for kind in (Load, MatMul, Attention, Lane, Route, Gather, ScatterAdd):
        assert {str(f.type) for f in fields(kind)} <= {"int", "str", "bool", "tuple[int, int, int, int]"}
