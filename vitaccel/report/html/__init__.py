"""The report for people: one HTML file with figures and tables, without a request to any network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.errors import VitaccelError
from vitaccel.report.html.page import page


def check_available() -> None:
    """Refuse early when the figures cannot be drawn.

    Raises
    ------
    VitaccelError
        If plotly is not installed.
    """
    _plotly_script()


def html_report(predictions: Sequence[Prediction]) -> str:
    """Return a page about one prediction, or about several side by side and each by itself.

    Raises
    ------
    VitaccelError
        If plotly is not installed.
    """
    return page(predictions, _plotly_script().read_text(encoding="utf-8"))


def _plotly_script() -> Path:
    # Found, not imported: importing plotly takes longer than predicting.
    from importlib.util import find_spec

    spec = find_spec("plotly")
    script = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if script is None or not script.is_file():
        raise VitaccelError("--html needs plotly for its figures: pip install 'vitaccel[report]'")
    return script
