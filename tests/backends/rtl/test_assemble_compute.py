"""Times of the compute engine's instructions: at their pace, no run of any client meets the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.rtl.assemble_compute import attention_fields, matmul_fields
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.ir.program import Attention, MatMul

SIDES = (4, 5, 8, 12, 32)
address, step = st.integers(0, 40), st.integers(0, 40)


class Run(NamedTuple):
    """Consecutive words that a client of the buffer begins with in a cycle."""

    client: str
    cycle: int
    address: int
    words: int


def meet(runs: list[Run]) -> list[tuple[Run, Run]]:
    """Runs of which one begins, or has its first bank, before the one before has had its last; of any clients."""
    found = []
    for client in {run.client for run in runs}:
        own = [run for run in runs if run.client == client]
        for before, after in pairwise(own):
            waits = [((before.address - at) % 8, (after.address - at) % 8) for at in range(8)]
            early = any(after.cycle + later < before.cycle + wait + before.words for wait, later in waits)
            if early or after.cycle < before.cycle + before.words:
                found.append((before, after))
    return found


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


def of_attention(f: dict[str, int], side: int) -> Iterator[Run]:
    """Runs of attention in the order of its tiles; statistics are waited for no longer than nothing."""
    blocks = list(product(range(f["frames"]), range(f["heads"]), range(f["row_blocks"])))
    room, order, values = 1 if f["one_in_flight"] else 2, [], iter(blocks)
    for at, block in enumerate(blocks):
        order.append(("logits", block))
        if at + 1 >= room:
            order.append(("values", next(values)))
    order += [("values", block) for block in values]
    frame = 0
    for kind, (of_frame, head, row) in order:
        at = {n: f[n] + of_frame * f[f"{n}_frame"] + head * f[f"{n}_head"] for n in ("q", "k", "v", "out")}
        for tile in range(f["key_blocks"] if kind == "logits" else f["value_tiles"]):
            if kind == "logits":
                yield Run("a", 8 * frame, at["q"] + row * f["q_step"], f["head_dim"])
                yield Run("b", 8 * frame, at["k"] + tile * f["k_step"], f["head_dim"])
            else:
                words = f["last_channels"] if tile == f["value_tiles"] - 1 else side
                yield Run("b", 8 * frame, at["v"] + tile * f["v_step"], f["keys"])
                yield Run("out", 8 * frame, at["out"] + row * f["out_step"] + tile * side, words)
            frame += f[f"{kind}_interval"]


@st.composite
def attentions(draw: st.DrawFn) -> Attention:
    return Attention(
        layer="x", q=draw(address), k=draw(address), v=draw(address), out=draw(address), q_step=draw(step),
        k_step=draw(step), v_step=draw(step), out_step=2 * draw(step), parameters=0, frames=draw(st.integers(1, 2)),
        heads=draw(st.integers(1, 3)), head_dim=draw(st.integers(1, 20)), value_dim=draw(st.integers(1, 40)),
        queries=draw(st.integers(1, 40)), keys=draw(st.integers(1, 40)), in_flight=draw(st.integers(1, 2)),
        out_bytes=draw(st.sampled_from([1, 2])),
    )  # fmt: skip


@given(attentions(), st.sampled_from(SIDES))
def test_runs_of_attention_do_not_meet(attention: Attention, side: int) -> None:
    fields = attention_fields(attention, Site("x", machine_of(f"{side}x{side}")))
    assert not meet(list(of_attention(fields, side)))


def test_a_pace_that_knows_of_no_spread_lets_runs_meet() -> None:
    attention = Attention(
        layer="x", q=0, k=0, v=4, out=0, parameters=0, frames=1, heads=4, head_dim=12, value_dim=16, queries=8, keys=16
    )
    fields = attention_fields(attention, Site("x", machine_of("8x8")))
    assert not meet(list(of_attention(fields, 8)))
    fields["values_interval"] -= 1
    assert {before.client for before, _ in meet(list(of_attention(fields, 8)))} == {"b"}


def test_aligned_places_cost_no_frame() -> None:
    aligned = MatMul(
        layer="x", a=48, a_step=64, weight=3, out=0, out_step=64, row_blocks=3, tokens=24, k=64, n=24, n_tiles=3
    )
    fields = matmul_fields(aligned, Site("x", machine_of("8x8")))
    assert (fields["interval"], fields["first_interval"]) == (8, 9)
