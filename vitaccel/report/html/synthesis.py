"""The report of a synthesis for people: one HTML file with cards and tables, without a request to any network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from vitaccel import __version__
from vitaccel.report.html.page import POLICY, resource, table_section
from vitaccel.report.table import Table
from vitaccel.report.units import percent
from vitaccel_rtl.synthesis.implement import Implementation

LABELS = {
    "luts": "of the LUTs",
    "flip_flops": "of the flip-flops",
    "multipliers": "of the multipliers",
    "block_rams": "of the block RAMs",
    "ram_luts": "of the LUTs that can be memory",
}


def synthesis_page(made: Implementation, tables: Sequence[Table]) -> str:
    """Return the whole HTML text."""
    cards = [(percent(share, 1), LABELS[name]) for name, share in made.device.shares(made.total).items()]
    if made.best is not None:
        cards.insert(0, (f"{made.best.frequency_mhz:.1f} MHz", f"seed {made.best.seed} of the placer"))
    shown = "".join(
        f"<div class=card><div class=value>{escape(value)}</div><div class=label>{escape(label)}</div></div>"
        for value, label in cards
    )
    warning = f"<div class=warning>It does not fit: {escape('; '.join(made.missing))}.</div>" if made.missing else ""
    tools = "Yosys and nextpnr-ecp5" if made.timings else "Yosys"
    stages = ", ".join(f"{stage.name} {stage.seconds:.0f} s" for stage in made.stages)
    return "\n".join([
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>vitaccel synth: {escape(made.name)}</title>",
        f"<style>\n{resource('page.css')}</style></head><body><main>",
        f"<header><h1>{escape(made.name)}<span class=badge>synthesized</span></h1>",
        f"<p>on {escape(made.device.title)}</p>{warning}</header><div class=cards>{shown}</div>",
        *(table_section(table) for table in tables),
        f"<footer>vitaccel {__version__}. {tools}: {escape(stages)}.</footer>",
        f"</main><script>\n{resource('page.js')}</script></body></html>\n",
    ])  # fmt: skip
