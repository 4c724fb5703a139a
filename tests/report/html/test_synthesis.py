from __future__ import annotations

import re
from dataclasses import replace

from tests.report.syntheses import AREA_ONLY, FAILED, PLACED, TOO_LARGE
from vitaccel.report.html.synthesis import synthesis_page
from vitaccel.report.synthesis_tables import synthesis_tables
from vitaccel_rtl.synthesis.implement import Implementation, Stage


def made_page(made: Implementation) -> str:
    return synthesis_page(made, synthesis_tables(made, depth=3))


def cards(text: str) -> list[tuple[str, ...]]:
    return re.findall(r"<div class=card><div class=value>(.*?)</div><div class=label>(.*?)</div></div>", text)


def test_a_card_for_the_clock_and_each_resource() -> None:
    assert cards(made_page(PLACED)) == [
        ("98.0 MHz", "seed 4 of the placer"),
        ("10.0%", "of the LUTs"),
        ("5.0%", "of the flip-flops"),
        ("50.0%", "of the multipliers"),
        ("25.0%", "of the block RAMs"),
        ("0.9%", "of the LUTs that can be memory"),
    ]


def test_every_table_is_there() -> None:
    text = made_page(PLACED)
    assert text.count("<section>") == 3
    assert "<td>  array.row_0</td><td class=right>2,000</td><td class=right>2.4%</td>" in text


def test_tools_and_times_are_said() -> None:
    assert "Yosys and nextpnr-ecp5: synthesis 12 s, place and route, seed 1 80 s.</footer>" in made_page(PLACED)
    text = made_page(AREA_ONLY)
    assert "Yosys: synthesis 12 s.</footer>" in text
    assert "MHz" not in text


def test_what_does_not_fit_is_a_sentence() -> None:
    sentence = "It does not fit: 84,000 of 83,640 LUTs; 157 of 156 multipliers."
    assert f"<div class=warning>{sentence}</div>" in made_page(TOO_LARGE)
    assert "It does not fit" not in made_page(PLACED)


def test_seeds_that_failed_are_a_table_and_no_elements() -> None:
    text = made_page(FAILED)
    assert text.count("<section>") == 4
    assert "nextpnr-ecp5 must accept it, but says: &lt;no&gt;" in text


def test_the_page_asks_no_network() -> None:
    text = made_page(PLACED)
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|<link|<img|\b(src|href)=", text)


def test_names_cannot_become_elements() -> None:
    bad = "</script><img src=x>"
    timings = tuple(replace(timing, start=bad, end=bad) for timing in PLACED.timings)
    strange = replace(
        PLACED,
        name=bad,
        device=replace(PLACED.device, title=bad),
        areas={**PLACED.areas, bad: PLACED.total},
        timings=timings,
        path=(bad,),
        stages=(Stage(name=bad, seconds=1.0),),
    )
    text = made_page(strange)
    assert "<img" not in text
    assert text.count("</script>") == made_page(PLACED).count("</script>") == 1
    # Title, heading and device; block; from and to of each seed; path; stage; the title of the areas, and their footer.
    assert text.count("&lt;img src=x&gt;") == 3 + 1 + 2 * len(timings) + 1 + 1 + 2 + 1
