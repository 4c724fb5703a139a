"""Times of attention: at its pace, no run of any client meets the one before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tests.backends.interpreter.networks import machine_of
from tests.backends.rtl.client_runs import SIDES, Run, address, meet, step
from vitaccel.backends.rtl.assemble_attention import attention_fields
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.ir.program import Attention


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
