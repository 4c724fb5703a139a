"""One bit of one entry of a block's table makes its directed words come out wrong: a test of the tests."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sim.traffic.test_catalog import run_case
from vitaccel.backends.rtl.catalog import BLOCKS, block
from vitaccel_sim.traffic.catalog import TRAFFIC


@dataclass(frozen=True)
class Table:
    """A table that a component is made with.

    Parameters
    ----------
    block
        Its name.
    component
        Where its class is.
    bits
        Bits of an entry of which each alone must be seen.
    point
        Of the block's traffic.
    parameter
        Of the class.
    part
        Of an entry that is a line: 0 its base, 1 its slope.
    """

    block: str
    component: str
    bits: range
    point: int = 0
    parameter: str = "table"
    part: int = 0

    def __str__(self) -> str:
        return f"{self.block}-{self.parameter}-{self.point}-{self.part}"

    def with_one_bit_turned(self, entries: Sequence[Any], rng: random.Random) -> tuple[Any, ...]:
        """Return the entries with one bit of one of them turned over."""
        place, bit = rng.randrange(len(entries)), 1 << rng.choice(self.bits)
        entry = entries[place]
        if isinstance(entry, tuple):
            turned = tuple(value ^ bit if n == self.part else value for n, value in enumerate(entry))
        else:
            turned = entry ^ bit
        return (*entries[:place], turned, *entries[place + 1 :])


MANTISSA = range(15)
"""Of 16 bits; the first one is always set."""
BASE = range(2, 10)
"""The two below a mantissa's last are cut off after the sum; bits above these take the last line out of its width."""
ROOT, RECIPROCAL = range(10), range(8)
KNOT = range(3, 8)
"""Half a step of the result and more: smaller changes of some knots of the tail are rounded away for all codes."""

TABLES = (
    Table("exp2", "exp2.Exp2", MANTISSA),
    Table("exp2", "exp2.Exp2", BASE, point=1),
    Table("exp2", "exp2.Exp2", range(6), point=1, part=1),
    Table("softmax-statistics", "softmax.SoftmaxStatistics", MANTISSA),
    Table("softmax-statistics", "softmax.SoftmaxStatistics", BASE, point=1),
    Table("softmax-numerators", "softmax.SoftmaxNumerators", MANTISSA, point=2),
    Table("softmax", "softmax_rows.Softmax", MANTISSA, point=2, parameter="powers"),
    Table("probability", "probability.Probability", range(4, 15)),
    Table("reciprocal", "reciprocal.Reciprocal", RECIPROCAL),
    Table("row-factor", "reciprocal.RowFactor", RECIPROCAL),
    Table("gelu", "gelu.Gelu", KNOT),
    Table("rsqrt", "rsqrt.Rsqrt", ROOT),
    Table("layernorm-row-scale", "layernorm.LayerNormRowScale", ROOT),
)

LOADED = "activation"
"""Its table comes through ports."""

WITHOUT_TABLE = {
    "skid-buffer",
    "fifo",
    "array",
    "requantize",
    "residual",
    "layernorm-moments",
    "layernorm-normalize",
    "topk",
    "transposer",
    "weigh",
    "arbiter",
    "router",
    "registers",
    "buffer",
    "gather",
    "scatter-add",
    "expert-queues",
    "dma-read",
    "dma-write",
}

TABLES_OF_ITS_PARTS = "expert-router"
"""Those of its powers and its reciprocal, in `ChoiceScore`: tests/rtl/test_choice_score.py."""


def test_every_block_has_a_table_here_or_has_none() -> None:
    assert {table.block for table in TABLES} | {LOADED, TABLES_OF_ITS_PARTS} | WITHOUT_TABLE == set(BLOCKS)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_one_bit_of_a_table_is_found(table: Table, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    module, name = table.component.split(".")
    library = importlib.import_module(f"vitaccel_rtl.{module}")
    right: Callable[..., Any] = getattr(library, name)

    def wrong(**parameters: Any) -> Any:
        entries = table.with_one_bit_turned(parameters[table.parameter], rng)
        return right(**{**parameters, table.parameter: entries})

    traffic = TRAFFIC[table.block]
    point = traffic.points[table.point]
    case = traffic.directed(point)
    monkeypatch.setattr(library, name, wrong)
    component = block(table.block).component(**point)
    assert run_case(component, traffic, point, case).words != list(case.expected)


def test_one_bit_of_a_loaded_table_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    traffic = TRAFFIC[LOADED]
    point = traffic.points[0]
    case = traffic.directed(point)
    loaded = list(traffic.setup(point))
    place = rng.randrange(len(loaded))
    loaded[place] = {**loaded[place], "write_data": loaded[place]["write_data"] ^ 1 << rng.randrange(7)}
    monkeypatch.setitem(traffic.__dict__, "setup", lambda _: loaded)
    assert run_case(block(LOADED).component(**point), traffic, point, case).words != list(case.expected)
