"""Utilization, itemized: rows that sum to the whole, and every part in words."""

from __future__ import annotations

from dataclasses import fields, replace

from vitaccel.backends.cost_model.mac_slots import MacSlots
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.utilization import MAC_SLOT_WORDS, utilization_table


def test_every_part_is_in_words() -> None:
    assert list(MAC_SLOT_WORDS) == [field.name for field in fields(MacSlots)]


def test_rows_sum_to_cycles_times_pes(prediction: Prediction) -> None:
    table = utilization_table(prediction)
    counts = [int(count.replace(",", "")) for _, count, _, _ in table.rows]
    ((_, total, whole, _),) = table.footer
    assert sum(counts) == int(total.replace(",", "")) == prediction.cycles.elapsed * prediction.arch.array.pes
    shown = {words: (count, share) for words, count, share, _ in table.rows}
    assert shown["useful"] == ("192,000", "60.00%")
    assert shown["LayerNorm"] == ("19,200", "6.00%")
    assert shown["program"] == ("800", "0.25%")
    assert whole == "100.00%"


def test_nothing_at_all(prediction: Prediction) -> None:
    empty = utilization_table(replace(prediction, layers=()))
    assert {share for *_, share, _ in empty.rows} == {"0.00%"}
