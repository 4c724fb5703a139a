import pytest
import torch

from vitaccel import zoo
from vitaccel.zoo.regularize import attention_pile, gate_doubt, load_balance, watched


def test_an_even_load_costs_one_and_a_collapse_costs_every_expert():
    even = torch.eye(6).roll(1, 0)
    assert load_balance(torch.full((6, 6), 1 / 6), torch.stack([torch.arange(6), torch.arange(6).roll(1)], 1)) == 1
    assert load_balance(even, torch.arange(6).roll(1)[:, None]) == pytest.approx(1)
    assert load_balance(torch.eye(6)[[2] * 6], torch.full((6, 1), 2)) == 6


def test_a_choice_is_doubtful_up_to_a_gap_of_one():
    logits = torch.tensor([[3.0, 0.0, 2.0, 1.75], [9.0, 9.0, 0.0, 0.0]])
    assert gate_doubt(logits, 2) == pytest.approx((1 - 0.25) / 2)
    assert gate_doubt(logits, 1) == pytest.approx((0 + 1) / 2)


def test_attention_piles_up_between_its_bounds(seed):
    queries, keys = 9, 64
    even = torch.full((2, 4, queries, keys), 1 / keys)
    one_key = torch.zeros(2, 4, queries, keys)
    one_key[..., 17] = 1
    drawn = torch.randn(2, 4, queries, keys, generator=torch.Generator().manual_seed(seed)).softmax(-1)
    assert attention_pile(even) == pytest.approx(queries / keys)
    assert attention_pile(one_key) == queries
    assert queries / keys < attention_pile(drawn) < queries


@pytest.mark.parametrize(("name", "terms"), [("vit-micro", 0), ("lookupvit-micro", 2), ("m3vit-micro", 4)])
def test_every_router_and_gather_is_watched_and_only_inside(name, terms):
    model = zoo.build(name)
    with watched(model, balance=1.0, doubt=1.0, pile=1.0) as penalty:
        model(zoo.example_input(name))
        assert len(penalty.terms) == terms
        total = penalty.take()
        assert (float(total) > 0) == bool(terms)
        assert float(penalty.take()) == 0
    model(zoo.example_input(name))
    assert penalty.terms == []


def test_weights_are_those_of_each_penalty():
    model, image = zoo.build("m3vit-micro"), zoo.example_input("m3vit-micro")

    def total(**weights):
        with watched(model, **{"balance": 0.0, "doubt": 0.0, "pile": 0.0, **weights}) as penalty:
            model(image)
            return float(penalty.take())

    balance, doubt = total(balance=1.0), total(doubt=1.0)
    assert balance >= 2
    assert doubt > 0
    assert total(pile=1.0) == 0
    assert total(balance=2.0, doubt=3.0) == pytest.approx(2 * balance + 3 * doubt)
