"""Fields of loads and stores: every byte goes where the Program says, in as few rows as there can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.backends.rtl.assemble_transfer import load_fields, store_fields
from vitaccel.ir.program import Load, Store
from vitaccel_rtl.accelerator.isa import BUFFERS

SITE = Site("instruction 3 (load of x)", machine_of("4x4"))


def bytes_of(rows: int, row_bytes: int, stride: int, address: int, step: int) -> dict[int, tuple[int, int]]:
    """Word and lane of every byte, by its distance from the first."""
    return {
        row * stride + at: (address + row * step + at // 4, at % 4) for row in range(rows) for at in range(row_bytes)
    }


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2), st.integers(0, 2), st.sampled_from([0, 3]))
def test_bytes_go_where_they_did(rows: int, words: int, apart: int, gap: int, short: int) -> None:
    """Rows of whole words or not, close together or not, in DRAM and on chip."""
    row_bytes, step = 4 * words - short, words + gap
    stride = row_bytes + apart
    load = Load(
        layer="x", dram=64, buffer="activation", address=8, rows=rows, row_bytes=row_bytes, stride_bytes=stride,
        step=step,
    )  # fmt: skip
    f = load_fields(load, SITE)
    assert f["dram"] == 64
    assert f["row_words"] == -(-f["row_bytes"] // 4)
    found = bytes_of(f["rows"], f["row_bytes"], f["stride_bytes"], f["address"], f["step"])
    assert found == bytes_of(rows, row_bytes, stride, 8, step)
    assert (f["rows"] == 1) == (rows == 1 or not (apart or gap or short))


def test_a_row_is_no_longer_than_its_words_can_be_counted() -> None:
    for rows, expected in ((255, 1), (256, 256)):
        load = Load(
            layer="x", dram=0, buffer="weight", address=0, rows=rows, row_bytes=1024, stride_bytes=1024, step=256
        )
        fields = load_fields(load, SITE)
        assert (fields["rows"], fields["rows"] * fields["row_bytes"]) == (expected, 1024 * rows)


@pytest.mark.parametrize("buffer", BUFFERS)
def test_every_buffer_has_its_number(buffer: str) -> None:
    load = Load(layer="x", dram=0, buffer=buffer, address=1, row_bytes=256, stride_bytes=256)
    assert load_fields(load, SITE)["buffer"] == BUFFERS.index(buffer)


def test_a_store_is_a_load_the_other_way() -> None:
    common = {"layer": "x", "dram": 192, "buffer": "activation", "address": 8, "rows": 3, "row_bytes": 24,
              "stride_bytes": 40, "step": 8}  # fmt: skip
    fields = store_fields(Store(**common), SITE)  # type: ignore[arg-type]
    assert fields == load_fields(Load(**common), SITE)  # type: ignore[arg-type]
    assert (fields["rows"], fields["row_bytes"], fields["stride_bytes"], fields["row_words"]) == (3, 24, 40, 6)
