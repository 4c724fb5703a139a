"""The softmax tables on few rows: near the published values, and ours ahead."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.reference.certificate.entry import OURS, PUBLISHED
from vitaccel.reference.certificate.rows import settings
from vitaccel.reference.certificate.softmax_methods import ENTRIES, PATHS, snapped
from vitaccel.reference.certificate.softmax_table import SoftmaxTables, measure_softmax

KNOWN = {
    ("exact softmax, rounded", 8): (0.1103, 0.1),
    ("exact softmax, rounded", 16): (0.0005, 0.2),
    ("I-BERT i-exp", 8): (0.2228, 0.25),
    ("I-BERT i-exp, 16-bit port", 16): (0.0017, 0.1),
    ("FQ-ViT log-int-softmax", 4): (0.2246, 0.15),
    ("I-ViT Shiftmax", 8): (0.2989, 0.15),
    ("I-ViT Shiftmax, 16-bit port, n=8", 16): (0.2258, 0.1),
    ("ITAMax, a code is an octave", 8): (0.2392, 0.1),
    ("ITAMax, scale of the paper", 8): (0.7842, 0.1),
    ("ITAMax, scale of the layer", 8): (0.2397, 0.15),
    ("Softermax", 8): (0.2693, 0.1),
    ("SOLE E2Softmax", 8): (0.2135, 0.1),
    ("SOLE E2Softmax", 16): (0.1651, 0.1),
    ("hls4ml stable", 10): (0.0976, 0.25),
}
"""Mean relative RMS of P.V that others' measurements of the same formulas gave, and how far these may be from it.

I-BERT and I-ViT on an int8 port depend on where ``floor(ln 2 / scale)`` falls, and so on the largest of all logits.
"""


@pytest.fixture(scope="module")
def tables() -> SoftmaxTables:
    steps: list[str] = []
    found = measure_softmax("few", settings(rows=60), steps.append)
    assert len(steps) == len(ENTRIES) + len(PATHS)
    return found


def test_published_methods_are_as_bad_as_is_known(tables: SoftmaxTables) -> None:
    measured = {(row.method, row.output_bits): row.errors.mean_pv for row in tables.same_logits}
    for key, (known, tolerance) in KNOWN.items():
        assert measured[key] == pytest.approx(known, rel=tolerance), key


def test_a_port_of_8_bits_costs_more_than_our_softmax(tables: SoftmaxTables) -> None:
    paths = {(row.method, row.output_bits): row.errors.worst_pv for row in tables.total_path}
    direct = [row.errors.worst_pv for row in tables.total_path if row.kind == OURS and row.fraction_bits]
    assert len(direct) == 6
    assert paths["int8 logits, exact softmax", 0] > 0.014
    assert sorted(direct)[0] < 0.001
    assert max(row.errors.worst_pv for row in tables.total_path if row.fraction_bits and row.output_bits > 8) < 0.004


def test_a_table_says_what_it_was_measured_on(tables: SoftmaxTables) -> None:
    assert (tables.data, tables.sets, tables.rows) == ("few", 6, 360)
    row = next(row for row in tables.same_logits if row.kind == PUBLISHED)
    candidate = row.candidate()
    assert (candidate.name, candidate.bits) == (row.method, row.output_bits)
    assert dict(candidate.errors) == {"worst_pv": row.errors.worst_pv, "mean_pv": row.errors.mean_pv}


def test_the_same_logits_are_those_of_int8_codes() -> None:
    """Rows that are on the int8 grid already give the same table."""
    rows = list(settings(rows=5))
    one, two = (measure_softmax("few", sets).same_logits for sets in (rows, list(map(snapped, rows))))
    for a, b in zip(one, two, strict=True):
        assert vars(a.errors) == pytest.approx(vars(b.errors), rel=1e-6, abs=1e-12), a.method


def test_the_truth_of_the_same_logits_is_that_of_their_codes() -> None:
    """Rounding is all that an exact softmax of codes loses: nothing comes from the int8 logits themselves."""
    tables = measure_softmax("few", list(settings(rows=5)))
    (exact16,) = (row for row in tables.same_logits if row.method.startswith("exact") and row.output_bits == 16)
    assert exact16.errors.worst_max_abs <= 2.0**-17 * (1 + 1e-9)
    assert np.isfinite(exact16.errors.mean_kl)
