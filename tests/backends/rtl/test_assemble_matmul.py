"""Times of a matmul: at its pace, no run of any client meets the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tests.backends.interpreter.networks import machine_of
from tests.backends.rtl.client_runs import SIDES, Run, address, meet, step
from vitaccel.backends.rtl.assemble_matmul import matmul_fields
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.ir.program import MatMul


def of_matmul(f: dict[str, int], side: int) -> Iterator[Run]:
    """Runs of a matmul, in the order of its tiles."""
    frame = 0
    for column, row in product(range(f["n_tiles"]), range(f["row_blocks"])):
        yield Run("a", 8 * frame, f["a"] + row * f["a_step"], f["depth"])
        if f["b_is_activation"]:
            yield Run("b", 8 * frame, f["b"] + column * f["b_step"], f["depth"])
        if f["has_residual"]:
            at = f["residual"] + row * f["residual_step"] + column * f["residual_tile_step"]
            yield Run("residual", 8 * frame, at, side)
            yield Run("residual_high", 8 * frame, at + f["residual_plane"], side)
        yield Run("out", 8 * frame, f["out"] + row * f["out_step"] + column * f["out_tile_step"], side)
        frame += f["interval"] if row else f["first_interval"]


@st.composite
def matmuls(draw: st.DrawFn) -> MatMul:
    by_rows, of_activations, has_residual = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    return MatMul(
        layer="x", a=draw(address), a_step=draw(step), k=draw(st.integers(27, 60)), n=1, tokens=1,
        weight=-1 if of_activations else draw(address), b=draw(address) if of_activations else -1,
        b_step=draw(step), out=draw(address), out_step=2 * draw(step), out_bytes=draw(st.sampled_from([1, 2])),
        residual=draw(address) if has_residual and not by_rows else -1, residual_step=16 * draw(st.integers(0, 9)),
        row_blocks=draw(st.integers(1, 4)), n_tiles=draw(st.integers(1, 4)), drain="channel" if by_rows else "token",
    )  # fmt: skip


@given(matmuls(), st.sampled_from(SIDES))
def test_runs_of_a_matmul_do_not_meet(matmul: MatMul, side: int) -> None:
    site = Site("x", machine_of(f"{side}x{side}"))
    fields = matmul_fields(replace(matmul, tokens=side * matmul.row_blocks), site)
    assert not meet(list(of_matmul(fields, side)))


def test_aligned_places_cost_no_frame() -> None:
    aligned = MatMul(
        layer="x", a=48, a_step=64, weight=3, out=0, out_step=64, row_blocks=3, tokens=24, k=64, n=24, n_tiles=3
    )
    fields = matmul_fields(aligned, Site("x", machine_of("8x8")))
    assert (fields["interval"], fields["first_interval"]) == (8, 9)
