from __future__ import annotations

import dataclasses
import json
import re
import sys
from html.parser import HTMLParser

import pytest

from vitaccel.backends.cost_model.device_use import DeviceUse
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.errors import VitaccelError
from vitaccel.report import html
from vitaccel.report.html.page import page
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES

SCRIPT = "var Plotly = {};"


class Elements(HTMLParser):
    """Collects elements, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def figures(text: str) -> dict[str, dict[str, object]]:
    pattern = r'<script type="application/json" id="([^"]+)">(.*?)</script>'
    return {name: json.loads(content) for name, content in re.findall(pattern, text, flags=re.DOTALL)}


def test_every_figure_has_its_place_and_its_data(prediction: Prediction) -> None:
    text = page([prediction], SCRIPT)
    places = [e["data-figure"] for e in Elements(text).of("div") if e.get("data-figure")]
    assert places == list(figures(text))
    assert len(places) == 7
    assert text.count("predicted, not measured") >= 2


def test_the_page_asks_no_network(prediction: Prediction, moe_prediction: Prediction) -> None:
    elements = Elements(page([prediction, moe_prediction], SCRIPT))
    assert not elements.of("link")
    assert not elements.of("img")
    assert not [e for _, e in elements.found if e.get("src") or e.get("href")]
    (policy,) = [e["content"] for e in elements.of("meta") if e.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_no_button_sends_the_figure_away(prediction: Prediction) -> None:
    text = page([prediction], SCRIPT)
    (buttons,) = re.findall(r"modeBarButtons: \[\[(.*?)\]\]", text)
    assert set(re.findall(r'"(\w+)"', buttons)) == {"toImage", "zoom2d", "pan2d", "resetScale2d"}


def test_names_cannot_become_elements(prediction: Prediction) -> None:
    bad = "</script><script>alert(1)</script><img src=x>"
    layers = (dataclasses.replace(prediction.layers[0], name=bad, op=bad), *prediction.layers[1:])
    events = (dataclasses.replace(prediction.timeline[0], layer=bad), *prediction.timeline[1:])
    strange = dataclasses.replace(prediction, model=bad, layers=layers, timeline=events, input_shapes={bad: (1, 2)})
    assert "</" not in "".join(
        re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page([strange], SCRIPT), flags=re.DOTALL)
    )
    plain = Elements(page([prediction], SCRIPT))
    for predictions in ([strange], [strange, strange]):
        elements = Elements(page(predictions, SCRIPT))
        assert not elements.of("img")
        if len(predictions) == 1:
            assert len(elements.of("script")) == len(plain.of("script"))


def test_a_machine_that_does_not_fit_is_said(moe_prediction: Prediction) -> None:
    assert "does not fit its device: the 3x16x16 PE array needs 768 multipliers" in page([moe_prediction], SCRIPT)


def test_a_machine_that_is_too_fast_for_its_device_is_said(prediction: Prediction) -> None:
    use = DeviceUse(device=DEVICES["ecp5-85k"], blocks={"array": Area(luts=1)}, frequency_mhz=50.0)
    slower = dataclasses.replace(prediction, use=use)
    assert "too fast for its device: its clock is 200 MHz, 50 MHz are predicted, " in page([slower], SCRIPT)
    assert page([slower, prediction], SCRIPT).count("too fast for its device") == 1
    assert "class=warning" not in page([prediction], SCRIPT)


def test_several_columns_stand_side_by_side_and_alone(prediction: Prediction, moe_prediction: Prediction) -> None:
    text = page([prediction, moe_prediction], SCRIPT)
    assert len(Elements(text).of("details")) == 2
    assert len(figures(text)) == 15
    assert "Side by side" in text


def test_the_report_carries_plotly_itself(prediction: Prediction) -> None:
    html.check_available()
    text = html.html_report([prediction])
    assert len(text) > 1_000_000
    assert "plotly.js v" in text


def test_without_plotly_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(VitaccelError, match=r"--html needs plotly for its figures: pip install 'vitaccel\[report\]'"):
        html.check_available()
