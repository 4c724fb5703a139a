from __future__ import annotations

from collections.abc import Callable

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.table import plain
from vitaccel.report.text import tables


def test_the_whole_text(prediction: Prediction, golden: Callable[[str, str], None]) -> None:
    golden("report/tiny.txt", "\n".join(plain(table) for table in tables(prediction)))


def test_no_layers_on_request(prediction: Prediction) -> None:
    titles = [table.title.split()[0] for table in tables(prediction, top=0)]
    assert titles == ["Blocks", "Where", "Utilization,", "Summary"]
