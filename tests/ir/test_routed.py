"""Facts about a routed layer that contradict each other."""

from __future__ import annotations

import pytest

from vitaccel.ir.routed import Routed


@pytest.mark.parametrize("groups", [(), (10,), (4, 6), (1,) * 10])
def test_groups_have_all_tokens(groups: tuple[int, ...]) -> None:
    assert Routed(10, 4, 2, 0, 1, groups).groups == groups


@pytest.mark.parametrize("groups", [(4, 5), (11,), (5, 5, 1)])
def test_tokens_that_are_in_no_group_are_refused(groups: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="groups must have 10 tokens in all"):
        Routed(10, 4, 2, 0, 1, groups)


def test_a_capacity_is_that_of_one_group() -> None:
    assert Routed(10, 4, 2, 3, 1, (10,)).capacity == 3
    with pytest.raises(ValueError, match="a capacity must be that of one group of all tokens"):
        Routed(10, 4, 2, 3, 1, (4, 6))
