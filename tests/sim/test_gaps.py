"""Gaps that the list explains are counted by their reasons; the others are named."""

from __future__ import annotations

from vitaccel_sim.code_coverage import CodeCoverage
from vitaccel_sim.explanations import read_explanations
from vitaccel_sim.gaps import gap_explanations, gaps_of

CODE = CodeCoverage(
    lines_hit=8,
    lines=10,
    toggles_hit=90,
    toggles=96,
    missed=("top line 7: case", "top line 9: else"),
    still=("top sum[4]", "top sum[3]", "top sum[1]"),
)


def test_what_is_listed_for_the_block_is_explained_bit_by_bit() -> None:
    listed = read_explanations(
        "gelu | top sum\\[[34]\\] | Too high.\n.* | \\S+ line \\d+: case | Never.\ntopk | .* | No."
    )
    gaps = gaps_of("gelu", CODE, listed)
    assert gaps.explained == {"Too high.": 2, "Never.": 1}
    assert gaps.left == ("top line 9: else", "top sum[1]")
    assert (gaps.left_count, gaps.count) == (2, 5)


def test_what_is_not_listed_is_left_with_its_bits_together() -> None:
    gaps = gaps_of("gelu", CODE, ())
    assert gaps.left == ("top line 7: case", "top line 9: else", "top sum[4:3, 1]")
    assert (gaps.left_count, gaps.count, gaps.explained.total()) == (5, 5, 0)


def test_every_entry_of_the_list_is_a_sentence() -> None:
    listed = gap_explanations()
    assert listed
    assert all(entry.reason[0].isupper() and entry.reason[-1] == "." for entry in listed)
