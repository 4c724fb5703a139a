from __future__ import annotations

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.layer_table import block_table, layer_table
from vitaccel.report.table import Table


def column(table: Table, title: str) -> list[str]:
    at = [c.title for c in table.columns].index(title)
    return [row[at] for row in table.rows]


def cycles(table: Table) -> list[int]:
    return [int(cell.replace(",", "")) for cell in column(table, "cycles")]


def total(table: Table) -> int:
    return int(table.footer[0][[c.title for c in table.columns].index("cycles")].replace(",", ""))


def test_the_total_is_the_sum_of_the_rows(prediction: Prediction) -> None:
    for table in (layer_table(prediction), layer_table(prediction, sort="time", top=1), block_table(prediction)):
        assert sum(cycles(table)) == total(table) == prediction.cycles.elapsed


def test_layers_in_program_order(prediction: Prediction) -> None:
    table = layer_table(prediction)
    assert column(table, "layer") == ["embed", "block0.norm1", "block0.mlp.fc1", "head"]
    assert column(table, "util.") == ["81.8%", "", "60.6%", "33.3%"]
    assert column(table, "waits for") == ["memory read 8%", "lanes 100%", "memory read 36%", "drain 17%"]
    assert "program order" in table.title


def test_the_slowest_layers_and_the_rest_in_one_row(prediction: Prediction) -> None:
    table = layer_table(prediction, sort="time", top=2)
    assert column(table, "layer") == ["block0.mlp.fc1", "embed", "2 more"]
    assert "slowest first" in table.title


def test_more_rows_than_layers_are_all_layers(prediction: Prediction) -> None:
    assert len(layer_table(prediction, top=99).rows) == 4


def test_blocks(prediction: Prediction) -> None:
    table = block_table(prediction)
    assert column(table, "block") == ["embed", "block0", "head"]
    assert column(table, "layers") == ["1", "2", "1"]
    assert table.footer[0][:2] == ("total", "4")
