from __future__ import annotations

import pytest

from vitaccel_sim.formal.catalog import proofs
from vitaccel_sim.formal.proof import Proof


def is_full(proof: Proof) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.full,) if proof.is_long else ()


@pytest.mark.parametrize("proof", [pytest.param(proof, marks=is_full(proof), id=str(proof)) for proof in proofs()])
def test_it_is_proved(proof: Proof) -> None:
    proof.run().check()


def test_names_are_different() -> None:
    names = [str(proof) for proof in proofs()]
    assert len(set(names)) == len(names)
