from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.report.evaluations import LABELLED, ROUTED
from vitaccel.report.evaluation_tables import decibels, evaluation_tables, layers_table, summary_table
from vitaccel.report.table import plain


def test_they_read_well(golden: Callable[[str, str], None]) -> None:
    shown = [LABELLED], [ROUTED], [LABELLED, replace(LABELLED, numerics=ROUTED.numerics)], [ROUTED, ROUTED]
    golden("report/evaluation.txt", "\n".join(plain(table) for each in shown for table in evaluation_tables(each)))


def test_what_loses_more_than_the_limit_is_marked() -> None:
    assert [row[4] for row in layers_table(ROUTED).rows] == ["", "", "<", ""]
    assert [row[0] for row in layers_table(ROUTED, losing=True).rows] == ["block0.moe"]
    assert layers_table(ROUTED, losing=True).title.startswith("Layers, 1 of 4 that lose more than 3 dB: ")


def test_accuracy_is_never_said_without_labels() -> None:
    text = "".join(plain(table) for table in evaluation_tables([ROUTED]))
    assert "top-1 agreement" in text
    assert "accuracy" not in text
    assert "top-1 in" not in text


def test_none_loses() -> None:
    assert "none" in plain(summary_table(replace(LABELLED, layers=LABELLED.layers[:1])))


def test_decibels() -> None:
    assert [decibels(value) for value in (38.64, -3.96, float("inf"), float("-inf"))] == ["38.6", "-4.0", "inf", "-inf"]
