"""Every cycle of every PE: one reason each, on every machine; small cases by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import ceil

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.cost_model import attribution
from vitaccel.backends.cost_model.mac_slots import MacSlots
from vitaccel.backends.cost_model.replay import NOTHING, Slot
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.compiler import simulate
from vitaccel.frontend import ImportedModel
from vitaccel.ir.program import Attention, Layer, MatMul, Program

Imported = Callable[..., ImportedModel]
MODELS = ("vit-micro", "lookupvit-micro", "m3vit-micro", "vmoe-micro")
WAITS = ("drain", "layernorm", "lanes", "experts", "load", "store", "program")
"""Parts in which no instruction has the compute engine."""


def check(prediction: Prediction) -> None:
    """All of a layer's cycles have a reason, waits one of theirs, and no part is less than nothing."""
    pes = prediction.arch.array.pes
    for layer in prediction.layers:
        assert layer.slots.all == layer.cycles.elapsed * pes, layer.name
        assert all(getattr(layer.slots, field.name) >= 0 for field in fields(MacSlots)), layer
        waited = sum(getattr(layer.slots, part) for part in WAITS)
        assert waited == (layer.cycles.elapsed - layer.cycles.array) * pes, layer.name
    assert prediction.slots.all == prediction.cycles.elapsed * pes
    assert prediction.slots.useful == prediction.actions.macs


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pe", ["4x4", "5x5", "16x16", "2x8x8", "3x4x4"])
def test_every_cycle_of_every_pe_has_a_reason(model: str, pe: str, imported: Imported) -> None:
    check(simulate(imported(model), Arch().with_pe(pe)))


@pytest.mark.parametrize("routing", ["uniform", "worst"])
def test_whatever_the_routing(routing: str, imported: Imported) -> None:
    check(simulate(imported("m3vit-micro"), Arch(), routing=routing))


def test_a_part_that_is_forgotten_shows(imported: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribution, "reasons", lambda *_: [])
    with pytest.raises(AssertionError):
        check(simulate(imported("vit-micro"), Arch()))


def spent(instructions: list[MatMul | Attention], slots: list[Slot], counts: tuple[int, int], pe: str) -> MacSlots:
    program = Program("p", Arch().with_pe(pe), list(instructions), [0] * len(slots))
    program.layers.append(Layer("a", "linear", counts[0]))
    end = max(slot.start + slot.occupied for slot in slots)
    ended = [slot._replace(done=slot.start + slot.occupied) for slot in slots]
    (found,) = attribution.mac_slots(program, ended, end, [counts])
    return found


def test_a_matmul_by_hand() -> None:
    """10 rows in 2 tiles of 8, 5 columns in one, 6 words deep: 8 cycles a tile, and 4 more in frames."""
    matmul = MatMul(layer="a", a=0, weight=0, out=0, row_blocks=2, tokens=10, k=6, n=5, n_tiles=1)
    found = spent([matmul], [Slot(0, 20, 0, NOTHING, NOTHING, NOTHING)], (300, 300), "8x8")
    assert found == MacSlots(useful=300, tokens=6 * 8 * 6, channels=10 * 3 * 6, depth=16 * 8 * 2, frames=4 * 64)


def test_attention_by_hand() -> None:
    """9 queries and keys of one head of 8 channels; of 30 cycles without tiles it waits 20 for statistics."""
    attention = Attention(layer="a", v=0, out=0, frames=1, heads=1, head_dim=8, value_dim=8, queries=9, keys=9)
    streamed = 2 * (2 * 8 + 9)
    slot = Slot(0, streamed + 30, 0, NOTHING, NOTHING, NOTHING, statistics=20)
    macs = 9 * 9 * 8 * 2
    found = spent([attention], [slot], (macs, macs), "8x8")
    tokens = 7 * 16 * 8 + 7 * 8 * 9
    assert found == MacSlots(useful=macs, tokens=tokens, keys=9 * 7 * 8, frames=10 * 64, softmax=20 * 64)


def test_a_second_digit_counts_no_macs() -> None:
    attention = Attention(
        layer="a", mode="post_softmax_T", v=0, out=0, frames=1, heads=1, head_dim=8, value_dim=8, queries=16, keys=8
    )
    found = spent([attention], [Slot(0, 32, 0, NOTHING, NOTHING, NOTHING, 0, 2)], (1024, 1024), "8x8")
    assert found == MacSlots(useful=1024, passes=1024)


def test_heads_that_leave_an_array_without_one() -> None:
    attention = Attention(layer="a", v=0, out=0, frames=1, heads=3, head_dim=4, value_dim=4, queries=4, keys=4)
    occupied = ceil(3 / 2) * 8
    macs = 3 * 4 * 4 * 8
    found = spent([attention], [Slot(0, occupied, 0, NOTHING, NOTHING, NOTHING)], (macs, macs), "2x4x4")
    assert found == MacSlots(useful=macs, channels=4 * 4 * 8)
