"""The table of proofs in the document: the catalog's, and in the long run with the verdicts of this run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from vitaccel_sim.formal.catalog import proofs

DOCUMENT = (Path(__file__).parents[2] / "docs" / "verification.md").read_text(encoding="utf-8")


def shown() -> list[list[str]]:
    table = DOCUMENT.partition("python benchmarks/proofs.py\n```\n\n```text\n")[2].partition("```")[0]
    return [line.split() for line in table.splitlines()[1:]]


def test_the_document_has_every_proof_and_no_other() -> None:
    rows = [" ".join(cells) for cells in shown()]
    expected = [f"{proof.family} {proof.block} {proof.size} " for proof in proofs()]
    assert len(rows) == len(expected)
    assert all(row.startswith(start) for row, start in zip(rows, expected, strict=True))


@pytest.mark.full
def test_the_document_shows_what_the_script_prints_but_for_seconds(
    benchmark_module: Callable[[str], ModuleType],
) -> None:
    script = benchmark_module("proofs")
    printed = script.table(script.row(proof, proof.run()) for proof in proofs())
    assert [line.split()[:-1] for line in printed.splitlines()[1:]] == [cells[:-1] for cells in shown()]
