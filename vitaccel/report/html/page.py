"""The page: header, cards, figures and tables in one file that asks no network for anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from itertools import count

from vitaccel import __version__
from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.compare import column_titles, comparison_tables
from vitaccel.report.html.columns import latencies
from vitaccel.report.html.figure import Figure
from vitaccel.report.html.roofline import roofline
from vitaccel.report.html.stacks import cycles_by_block, cycles_by_layer, energy_by_block, traffic_by_block
from vitaccel.report.html.timeline import buffer_occupancy, engine_timeline
from vitaccel.report.layer_table import block_table, layer_table
from vitaccel.report.summary import clock_warning, cycle_table, machine, summary_table
from vitaccel.report.table import Table
from vitaccel.report.units import percent, rate, shape, si
from vitaccel.report.utilization import utilization_table

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""The browser refuses every request this page could make."""


def page(predictions: Sequence[Prediction], plotly_script: str) -> str:
    """Return the whole HTML text, with *plotly_script* (plotly's minified JavaScript) inside."""
    numbers = count(1)
    body = _one(predictions[0], numbers) if len(predictions) == 1 else _several(predictions, numbers)
    title = predictions[0].model if len(predictions) == 1 else "side by side"
    return "\n".join([
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>vitaccel: {escape(title)}</title>",
        f"<style>\n{resource('page.css')}</style>",
        f"</head><body><main>\n{body}",
        f"<footer>vitaccel {__version__}. All of this is predicted by the cost model, not measured.</footer>",
        f"</main>\n<script>{plotly_script}</script>\n<script>\n{resource('page.js')}</script></body></html>\n",
    ])  # fmt: skip


def _one(prediction: Prediction, numbers: Iterator[int]) -> str:
    inputs = ", ".join(f"{name} {shape(sizes)}" for name, sizes in prediction.input_shapes.items())
    return "\n".join([
        f"<header><h1>{escape(prediction.model)}<span class=badge>predicted, not measured</span></h1>",
        f"<p>{escape(inputs)} on {escape(machine(prediction))}</p>{_warning(prediction)}</header>",
        _details(prediction, numbers),
    ])  # fmt: skip


def _several(predictions: Sequence[Prediction], numbers: Iterator[int]) -> str:
    titles = column_titles(predictions)
    *parts, totals = comparison_tables(predictions)
    models = " and ".join(dict.fromkeys(escape(p.model) for p in predictions))
    shown = [
        f"<header><h1>{models}, side by side<span class=badge>predicted, not measured</span></h1>",
        f"<p>{len(predictions)} columns; ratios are to the first.</p></header><div class=cards></div>",
        _section(latencies(predictions), numbers),
        *(table_section(table) for table in (totals, *parts)),
    ]
    for at, (title, prediction) in enumerate(zip(titles, predictions, strict=True)):
        shown.append(
            f"<details{' open' if at == 0 else ''}><summary>{escape(title)}</summary>"
            f"<p>{escape(machine(prediction))}</p>{_warning(prediction)}{_details(prediction, numbers)}</details>"
        )
    return "\n".join(shown)


def _details(prediction: Prediction, numbers: Iterator[int]) -> str:
    return "\n".join([
        _cards(prediction),
        _section(cycles_by_block(prediction), numbers),
        _section(cycles_by_layer(prediction), numbers),
        _section(roofline(prediction), numbers),
        _section(engine_timeline(prediction), numbers),
        _section(buffer_occupancy(prediction), numbers),
        "<div class=pair>",
        _section(traffic_by_block(prediction), numbers),
        _section(energy_by_block(prediction), numbers),
        "</div>",
        *(
            table_section(made(prediction))
            for made in (summary_table, cycle_table, utilization_table, block_table, layer_table)
        ),
    ])  # fmt: skip


def _cards(prediction: Prediction) -> str:
    shown = (
        ("latency", si(prediction.latency_s, "s")),
        ("frames a second", rate(prediction.fps)),
        ("utilization of the PEs", percent(prediction.utilization)),
        ("energy a frame", si(prediction.energy.total_j / prediction.frames, "J")),
        ("DRAM traffic", si(prediction.traffic.total_bytes, "B")),
        ("bottleneck", prediction.bottleneck),
    )
    cards = (
        f"<div class=card><div class=value>{escape(value)}</div><div class=label>{label}</div></div>"
        for label, value in shown
    )
    return f"<div class=cards>{''.join(cards)}</div>"


def _warning(prediction: Prediction) -> str:
    said = []
    if prediction.exceeded:
        said.append(f"This machine does not fit its device: {'; '.join(prediction.exceeded)}.")
    if slower := clock_warning(prediction):
        said.append(f"This machine is too fast for its device: {slower}.")
    return "".join(f"<div class=warning>{escape(sentence)}</div>" for sentence in said)


def _section(figure: Figure, numbers: Iterator[int]) -> str:
    name = f"figure-{next(numbers)}"
    # "</" would end the script element, whatever stands around it.
    content = json.dumps({"traces": figure.traces, "layout": figure.layout}, allow_nan=False).replace("</", "<\\/")
    return (
        f"<section><h2>{escape(figure.finding)}</h2><p>{escape(figure.explanation)}</p>"
        f'<div class=figure data-figure="{name}" style="height:{figure.layout["height"]}px"></div>'
        f'<script type="application/json" id="{name}">{content}</script></section>'
    )


def table_section(table: Table) -> str:
    """Return a table under its title, which is sorted by a click on a heading."""
    sides = [" class=right" if column.right else " class=prose" if column.elastic else "" for column in table.columns]
    headings = "".join(
        f'<th class="sorts{" right" if column.right else ""}">{escape(column.title)}</th>' for column in table.columns
    )
    head = f"<thead><tr>{headings}</tr></thead>" if table.headed else ""
    foot = f"<tfoot>{''.join(_row(row, sides) for row in table.footer)}</tfoot>" if table.footer else ""
    rows = "\n".join(_row(row, sides) for row in table.rows)
    return (
        f"<section><h2>{escape(table.title)}</h2><div class=scroll><table>{head}<tbody>\n{rows}</tbody>{foot}"
        "</table></div></section>"
    )


def _row(cells: Sequence[str], sides: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td{side}>{escape(cell)}</td>' for cell, side in zip(cells, sides, strict=True))}</tr>"


def resource(name: str) -> str:
    """Return the text of a file that comes with this package."""
    return (resources.files("vitaccel.report.html") / name).read_text(encoding="utf-8")
