import pytest
import torch

from vitaccel.zoo.router import Router
from vitaccel.zoo.weights import canonical_tensors, seed_weights

SCORES = ("softmax_all", "softmax_topk", "renorm")


def router(*, scores="softmax_all", official=False, task=0, top_k=2):
    module = Router(width=6, experts=5, top_k=top_k, scores=scores, official=official, task=task, tasks=3)
    seed_weights(module, seed=0)
    return module.requires_grad_(False)


def tokens(count=9):
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("top_k", [1, 2, 5])
def test_the_k_largest_logits_are_scored(scores, top_k):
    module, x = router(scores=scores, top_k=top_k), tokens()
    values, indices = module(x, None)
    for s in range(len(x)):
        logits = (x[s] @ module.weight).tolist()
        best = sorted(range(5), key=lambda e: -logits[e])[:top_k]
        over = range(5) if scores == "softmax_all" else best
        total = sum(torch.tensor(logits[e]).exp() for e in over)
        want = torch.stack([torch.tensor(logits[e]).exp() / total for e in best])
        assert indices[s].tolist() == best
        torch.testing.assert_close(values[s], want)


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("top_k", [2, 5])
def test_the_official_gate_changes_nothing(scores, top_k):
    plain = router(scores=scores, top_k=top_k)(tokens(), None)
    official = router(scores=scores, top_k=top_k, official=True)(tokens(), None)
    assert torch.equal(plain[0], official[0])
    assert torch.equal(plain[1], official[1])


def test_the_official_gate_takes_one_more_and_cuts_it():
    taken = []
    topk = torch.topk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "topk", lambda x, k, dim: taken.append(k) or topk(x, k, dim))
        router(official=True)(tokens(), None)
        router()(tokens(), None)
    assert taken == [3, 2]


def test_a_task_selects_its_gate():
    every, x = router(task=None), tokens()
    assert every.weight.shape == (3, 6, 5)
    assert [name for name, _ in canonical_tensors(every)] == ["0.weight", "1.weight", "2.weight"]
    for task in range(3):
        one = router(task=task)
        assert torch.equal(every.logits(x, torch.tensor(task)), one.logits(x, None))
    assert not torch.allclose(every.logits(x, torch.tensor(0)), every.logits(x, torch.tensor(1)))
