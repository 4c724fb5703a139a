from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.frontend.operators.einsum import parse

Agrees = Callable[..., list[str]]
SIZES = dict(zip("abcdefghij", (2, 3, 4, 5, 2, 3, 2, 3, 2, 3), strict=True))


def shape(term: str) -> tuple[int, ...]:
    return tuple(SIZES[c] for c in term)


def const(term: str, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape(term)).astype(np.float32)


@pytest.mark.parametrize(
    "equation",
    ["abc,cd->abd", "abc,dc->abd", "abc,bcd->ad", "abc,cde->abde", "abc,dbe->acde", "abc,cd->dba", "ab,b->a"],
)
def test_a_product_by_a_constant_is_linear(agrees: Agrees, seed: int, equation: str) -> None:
    left, right = equation.split("->")[0].split(",")
    made = agrees("Einsum", shape(left), const(right, seed), equation=equation)
    assert [m for m in made if m not in ("transpose", "reshape")] == ["linear"]
    swapped = f"{right},{left}->{equation.split('->')[1]}"
    assert "linear" in agrees("Einsum", const(right, seed), shape(left), equation=swapped)


@pytest.mark.parametrize("equation", ["abc,db->adc", "abc,bd->adc"])
def test_a_product_over_tokens_is_a_token_mix(agrees: Agrees, seed: int, equation: str) -> None:
    right = equation.split("->")[0].split(",")[1]
    assert agrees("Einsum", shape("abc"), const(right, seed), equation=equation) == ["token_mix"]


@pytest.mark.parametrize(
    "equation",
    ["abcd,abed->abce", "abc,acd->abd", "ab,abc->ac", "abc,abd->acd", "abcd,aecd->abec", "ab,ab->a", "ab,c->abc"],
)
def test_a_product_of_two_values(agrees: Agrees, equation: str) -> None:
    left, right = equation.split("->")[0].split(",")
    assert "matmul" in agrees("Einsum", shape(left), shape(right), equation=equation)


def test_a_batched_product_by_a_constant_stays_batched(agrees: Agrees, seed: int) -> None:
    assert "matmul" in agrees("Einsum", shape("abc"), const("acd", seed), equation="abc,acd->abd")


def test_a_permutation(agrees: Agrees) -> None:
    assert agrees("Einsum", shape("abc"), equation="abc->cab") == ["transpose"]


@pytest.mark.parametrize("equation", ["...bc,cd->...bd", "abc,cd", "a b c , c d -> a b d"])
def test_ellipsis_spaces_and_implicit_results(agrees: Agrees, seed: int, equation: str) -> None:
    assert "linear" in agrees("Einsum", shape("abc"), const("cd", seed), equation=equation)


@pytest.mark.parametrize("equation", ["abc->ab", "abc,cd->ad", "aa->a"])
def test_what_is_no_matrix_product_stays(left: Callable[..., bool], equation: str) -> None:
    terms = equation.split("->")[0].split(",")
    shapes = [(2, 2)] if terms == ["aa"] else [shape(t) for t in terms]
    assert left("Einsum", *shapes, equation=equation)


def test_three_operands_stay(left: Callable[..., bool]) -> None:
    assert left("Einsum", shape("ab"), shape("bc"), shape("cd"), equation="ab,bc,cd->ad")


@pytest.mark.parametrize("equation", ["", "->", "ab,bc->ac", "a1->a", "abc,->"])
def test_equations_that_do_not_fit(equation: str) -> None:
    assert parse(equation, [3]) is None
