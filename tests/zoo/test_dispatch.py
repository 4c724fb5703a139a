import pytest
import torch

from vitaccel.zoo import dispatch
from vitaccel.zoo.experts import ListedExperts, StackedExperts
from vitaccel.zoo.weights import seed_weights

WIDTH, HIDDEN, EXPERTS = 6, 5, 7


def experts(container):
    module = container(experts=EXPERTS, width=WIDTH, hidden=HIDDEN, gelu="erf")
    seed_weights(module, seed=0)
    return module.requires_grad_(False)


def routing(tokens=22, top_k=2, favourite=None):
    """Return random tokens, scores and distinct experts; two tokens of three choose ``favourite`` first."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(tokens, WIDTH, generator=generator)
    gates = torch.rand(tokens, EXPERTS, generator=generator)
    if favourite is not None:
        gates[::3, favourite] += 1
        gates[1::3, favourite] += 1
    scores, indices = gates.topk(top_k)
    return x, scores, indices


def one_by_one(x, scores, indices, *, slots=None):
    """Route token by token: all first choices before all second ones, each expert taking at most ``slots``."""
    mlps = experts(ListedExperts)
    y, taken = torch.zeros_like(x), [0] * EXPERTS
    for j in range(indices.shape[1]):
        for s in range(len(x)):
            e = int(indices[s, j])
            if slots is None or taken[e] < slots:
                y[s] += scores[s, j] * mlps[e](x[s])
            taken[e] += 1
    return y


@pytest.mark.parametrize("style", ["dense_list", "nonzero", "hit_loop", "dense_bmm", "gather_w"])
@pytest.mark.parametrize("top_k", [1, 2, 7])
def test_a_lossless_style_is_the_sum_over_chosen_experts(style, top_k):
    x, scores, indices = routing(top_k=top_k)
    stacked = style in {"dense_bmm", "gather_w"}
    got = getattr(dispatch, style)(x, scores, indices, experts(StackedExperts if stacked else ListedExperts))
    torch.testing.assert_close(got, one_by_one(x, scores, indices), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("slots", [1, 4, 8, 22])
@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_capacity_drops_what_comes_last(slots, top_k):
    x, scores, indices = routing(top_k=top_k, favourite=2)
    got = dispatch.einsum_cap(x, scores, indices, experts(StackedExperts), slots=slots)
    torch.testing.assert_close(got, one_by_one(x, scores, indices, slots=slots), rtol=1e-4, atol=1e-5)
    lossless = torch.allclose(got, one_by_one(x, scores, indices), atol=1e-4)
    assert lossless == (int(indices.flatten().bincount().max()) <= slots)


@pytest.mark.parametrize(
    ("tokens", "top_k", "count", "factor", "slots"),
    [
        (50, 2, 8, 1.05, 16),  # V-MoE S/32: ceil(13.125) = 14
        (129, 2, 16, 1.5, 28),  # M3ViT-T: ceil(24.19) = 25
        (129, 2, 16, 1.0, 20),  # ceil(16.125) = 17
        (16, 1, 4, 1.0, 4),
        (1, 1, 8, 0.01, 4),
    ],
)
def test_capacity_is_rounded_up_to_four(tokens, top_k, count, factor, slots):
    assert dispatch.capacity(tokens=tokens, top_k=top_k, experts=count, factor=factor) == slots


def test_the_hit_loop_visits_only_chosen_experts():
    x, scores, _ = routing()
    indices = torch.tensor([[1, 4]]).expand(22, 2)
    mlps, visited = experts(ListedExperts), []
    for e, mlp in enumerate(mlps):
        mlp.register_forward_hook(lambda _module, _args, _out, e=e: visited.append(e))
    dispatch.hit_loop(x, scores, indices, mlps)
    assert visited == [1, 4]
    visited.clear()
    dispatch.nonzero(x, scores, indices, mlps)
    assert visited == list(range(EXPERTS))
