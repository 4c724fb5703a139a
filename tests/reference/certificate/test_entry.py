"""When ours beats or matches another method, and at which width."""

from __future__ import annotations

import pytest

from vitaccel.reference.certificate.entry import IDEAL, OURS, PUBLISHED, Candidate, compare


def candidate(kind: str, bits: int, *errors: float) -> Candidate:
    return Candidate(f"{kind} {bits}", kind, bits, tuple((f"e{at}", error) for at, error in enumerate(errors)))


def test_to_match_is_to_be_no_worse_in_every_measure() -> None:
    one, two = candidate(OURS, 8, 0.1, 0.2), candidate(PUBLISHED, 8, 0.1, 0.3)
    assert one.matches(two)
    assert not two.matches(one)
    assert one.matches(one)
    assert not candidate(OURS, 8, 0.0, 0.31).matches(two)


@pytest.mark.parametrize(
    ("bits", "compared", "demanded"),
    [(4, 8, False), (8, 8, True), (10, 8, True), (11, 8, True), (12, 12, True), (16, 16, True), (19, 16, True),
     (20, 16, False), (22, 16, False)],
)  # fmt: skip
def test_the_width_is_the_widest_of_ours_that_is_no_wider(bits: int, compared: int, demanded: bool) -> None:
    ours = [candidate(OURS, width, 0.1) for width in (8, 12, 16)]
    (found,) = compare("s", "d", [candidate(PUBLISHED, bits, 0.1), *ours, candidate(IDEAL, 8, 0.0)])
    assert (found.bits, found.demanded, found.holds) == (compared, demanded, True)
    assert [c.bits for c in found.ours] == [compared]


def test_one_of_ours_is_enough() -> None:
    good, bad = candidate(OURS, 8, 0.1, 0.1), candidate(OURS, 8, 0.3, 0.1)
    (found,) = compare("s", "d", [candidate(PUBLISHED, 8, 0.2, 0.2), bad, good])
    assert found.winners == (good,)
    (lost,) = compare("s", "d", [candidate(PUBLISHED, 8, 0.05, 0.2), bad, good])
    assert lost.winners == ()
    assert not lost.holds
