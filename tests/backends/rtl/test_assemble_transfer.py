"""Fields of loads and stores: every byte goes where the Program says, in as few rows as there can be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.interpreter.networks import machine_of
from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.backends.rtl.assemble_transfer import load_fields, store_fields
from vitaccel.errors import UnsupportedError
from vitaccel.ir.plan import CHANNEL
from vitaccel.ir.program import Load, Store
from vitaccel_rtl.accelerator.isa import BUFFERS
from vitaccel_rtl.accelerator.parts import Parts

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


ARRAYS = Site("instruction 4 (load of y)", machine_of("3x8x8"))
PLACES = PartPlaces(Parts(count=3, words=4096), 8)


@given(
    st.sampled_from(["token", "channel"]), st.integers(1, 2), st.integers(1, 6), st.integers(1, 60),
    st.sampled_from([0, 24]), st.sampled_from([0, 8]), st.sampled_from([0, 3]),
)  # fmt: skip
def test_bytes_go_to_the_parts_of_several_arrays(
    layout: str, element_bytes: int, rows: int, words: int, apart: int, gap: int, short: int
) -> None:
    """Rows in all parts begin in the first, and are one row only if the last tile of each is in the last part."""
    by_tiles = layout == CHANNEL
    in_part = words if by_tiles else -(-words // 24) * 8
    step, row_bytes = -(-in_part // 8) * 8 + gap, 8 * words - short
    stride = row_bytes + apart
    load = Load(
        layer="y", dram=0, buffer="activation", address=16, rows=rows, row_bytes=row_bytes, stride_bytes=stride,
        step=step, layout=layout, element_bytes=element_bytes,
    )  # fmt: skip
    f = load_fields(load, ARRAYS)
    way = {"by_tiles": by_tiles, "is_wide": element_bytes == 2}
    assert f["rows"] == 1 or (f["by_tiles"], f["is_wide"]) == (by_tiles, by_tiles and element_bytes == 2)
    expected = [
        (row * stride + at, PLACES.of_row(16, step, row, at // 8, **way))
        for row in range(rows)
        for at in range(row_bytes)
    ]
    way = {name: f[name] for name in ("by_tiles", "is_wide")}
    found = [
        (row * f["stride_bytes"] + at, PLACES.of_row(16, f["step"], row, at // 8, **way))
        for row in range(f["rows"])
        for at in range(f["row_bytes"])
    ]
    assert found == expected
    whole = not by_tiles and words % 24 == 0 and not (apart or gap or short)
    assert (f["rows"] == 1) == (rows == 1 or whole)


def test_tiles_of_weights_are_rows_of_one_part_each() -> None:
    load = Load(layer="x", dram=0, buffer="weight", address=5, rows=4, row_bytes=160, stride_bytes=160, step=20,
                layout=CHANNEL)  # fmt: skip
    fields = load_fields(load, ARRAYS)
    assert (fields["rows"], fields["row_words"], fields["step"], fields["by_tiles"]) == (4, 20, 20, 1)
    assert load_fields(load, Site("instruction 4 (load of y)", machine_of("8x8")))["rows"] == 1


def test_tiles_of_activations_that_begin_in_other_banks_are_refused() -> None:
    load = Load(layer="x", dram=0, buffer="activation", address=8, rows=2, row_bytes=80, stride_bytes=80, step=10,
                layout=CHANNEL)  # fmt: skip
    sentence = "instruction 4 (load of y) must have rows at multiples of 8 words from each other, not 10"
    with pytest.raises(UnsupportedError, match=f"^{re.escape(sentence)}$"):
        load_fields(load, ARRAYS)


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
