"""A view as a box of its base: the slices, then the order of what they leave."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from vitaccel.frontend.recognize.box import box_of, refined, split_factors
from vitaccel.frontend.recognize.layout import Layout

BASE = (2, 5, 12)
WHOLE = Layout.contiguous(BASE)


def made(*steps: tuple[str, object]) -> Layout:
    layout: Layout | None = WHOLE
    for kind, step in steps:
        assert layout is not None
        layout = layout.slice(*step) if kind == "slice" else getattr(layout, kind)(step)  # type: ignore[misc]
    assert layout is not None
    return layout


CHAINS = {
    "whole": [],
    "channels": [("slice", (2, 3, 9))],
    "heads": [("reshape", (2, 5, 3, 4)), ("transpose", (0, 2, 1, 3))],
    "one head": [("reshape", (2, 5, 3, 4)), ("slice", (2, 1, 2)), ("transpose", (0, 2, 1, 3))],
    "half of each head": [("reshape", (2, 5, 3, 4)), ("slice", (3, 2, 4))],
    "first token": [("slice", (1, 0, 1)), ("reshape", (2, 12))],
    "two axes": [("slice", (1, 1, 3)), ("slice", (2, 4, 8)), ("transpose", (2, 1, 0))],
}  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS)
def test_the_box_in_its_order_is_the_view(chain: str) -> None:
    layout = made(*CHAINS[chain])  # type: ignore[arg-type]
    box = box_of(layout, BASE)
    assert box is not None
    addresses = np.arange(prod(BASE)).reshape(box.shape)[tuple(slice(*cut) for cut in box.cuts)]
    assert addresses.shape == box.box_shape
    assert np.array_equal(addresses.reshape(-1)[box.order.indices()], layout.indices())


def test_slices_keep_to_the_axes_of_the_base_where_they_can() -> None:
    box = box_of(made(("reshape", (2, 5, 3, 4)), ("slice", (2, 1, 2))), BASE)
    assert box is not None
    assert (box.shape, box.cuts) == (BASE, ((0, 2), (0, 5), (4, 8)))


def test_repeats_are_taken_out() -> None:
    box = box_of(made(("slice", (0, 0, 1)), ("broadcast", (3, 5, 12))), BASE)
    assert box is not None
    assert (box.repeats, box.order.shape) == ((3, 5, 12), (1, 5, 12))


def test_strides_that_do_not_nest_have_no_box() -> None:
    assert refined(Layout(0, (((2, 3),), ((2, 2),))), 12) == ()
    assert box_of(Layout(0, (((2, 3),), ((2, 2),))), (12,)) is None


def test_factors_that_span_axes_are_split_at_them() -> None:
    assert split_factors([(10, 12)], BASE) == [(0, (2, 60)), (1, (5, 12))]
    assert split_factors([(3, 24)], BASE) is None
