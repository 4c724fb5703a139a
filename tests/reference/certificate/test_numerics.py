"""All sections together: what is measured, and what is compared with what."""

from __future__ import annotations

import pytest

from vitaccel.reference.certificate.entry import PUBLISHED
from vitaccel.reference.certificate.numerics import SECTIONS, Numerics, measure_numerics
from vitaccel.reference.certificate.rows import gaussian_rows


@pytest.fixture(scope="module")
def numerics() -> Numerics:
    recordings = {"layer": (gaussian_rows(17, 0.5, rows=9), gaussian_rows(64, 8.0, rows=9))}
    return measure_numerics(SECTIONS, recordings, rows=8)


def test_recordings_follow_the_gaussian_rows(numerics: Numerics) -> None:
    assert [(tables.data, tables.sets, tables.rows) for tables in numerics.softmax] == [
        ("gaussian", 6, 48),
        ("layer", 2, 18),
    ]


def test_every_published_row_is_compared(numerics: Numerics) -> None:
    compared = [(c.section, c.data, c.published.name, c.published.bits) for c in numerics.comparisons]
    assert len(set(compared)) == len(compared)
    tables = [(t.data, t.same_logits) for t in numerics.softmax]
    expected = [
        *(("softmax", data, r.method, r.output_bits) for data, rows in tables for r in rows if r.kind == PUBLISHED),
        *(("gelu", r.format, r.method, r.output_bits) for r in numerics.gelu if r.kind == PUBLISHED),
        *(("layernorm", r.input, r.method, r.input_bits) for r in numerics.layernorm if r.kind == PUBLISHED),
        *(("primitives", r.function, r.method, r.output_bits) for r in numerics.primitives if r.kind == PUBLISHED),
    ]
    assert compared == expected
    assert all(c.ours for c in numerics.comparisons)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_measured_alone(section: str) -> None:
    found = measure_numerics([section], rows=2)
    assert [name for name in SECTIONS if getattr(found, name)] == [section]
    assert {c.section for c in found.comparisons} == {section}


def test_nothing_measured_is_nothing_compared() -> None:
    assert Numerics().comparisons == ()
