import torch

from vitaccel.zoo.experts import ListedExperts, StackedExperts
from vitaccel.zoo.weights import canonical_tensors, seed_weights

SIZES = {"experts": 3, "width": 6, "hidden": 5, "gelu": "erf"}


def test_both_containers_hold_the_same_experts():
    listed, stacked = ListedExperts(**SIZES), StackedExperts(**SIZES)
    assert len(listed) == len(stacked) == 3
    for experts in (listed, stacked):
        seed_weights(experts, seed=0)
    ours, theirs = dict(canonical_tensors(listed)), dict(canonical_tensors(stacked))
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(stacked.fc1_weight[2], listed[2].fc1.weight)
    assert torch.equal(stacked.fc2_bias[1], listed[1].fc2.bias)


def test_stacked_weights_are_experts_by_outputs_by_inputs():
    stacked = StackedExperts(**SIZES)
    assert stacked.fc1_weight.shape == (3, 5, 6)
    assert stacked.fc2_weight.shape == (3, 6, 5)
