import pytest
import torch

from vitaccel import zoo
from vitaccel.zoo.weights import canonical_tensors

MICROS = [info.name for info in zoo.models() if info.name.endswith("-micro")]
STYLES = ("nonzero", "dense_list", "dense_bmm", "gather_w", "einsum_cap", "microsoft", "hit_loop")


@pytest.mark.parametrize("name", MICROS)
def test_no_tensor_is_trivial_and_no_two_are_equal(name):
    options = {"decoder": True} if name == "m3vit-micro" else {}
    tensors = dict(canonical_tensors(zoo.build(name, **options)))
    for key, tensor in tensors.items():
        assert tensor.std() > 0.01, key
        assert tensor.flatten()[0] not in (0.0, 1.0), key
        assert tensor.unique().numel() > 0.8 * tensor.numel(), key
    by_shape = {}
    for key, tensor in tensors.items():
        for other in by_shape.setdefault(tensor.shape, []):
            assert not torch.equal(tensor, tensors[other]), (key, other)
        by_shape[tensor.shape].append(key)


@pytest.mark.parametrize("name", MICROS)
def test_canonical_tensors_are_the_whole_state(name):
    model = zoo.build(name)
    state = [value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")]
    assert sum(tensor.numel() for _, tensor in canonical_tensors(model)) == sum(value.numel() for value in state)
    for _, tensor in canonical_tensors(model):
        tensor.zero_()
    assert not any(value.any() for value in state)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_the_same_weights(style):
    want = dict(canonical_tensors(zoo.build("m3vit-micro", moe_style="nonzero")))
    got = dict(canonical_tensors(zoo.build("m3vit-micro", moe_style=style, qkv="separate")))
    assert got.keys() == want.keys()
    assert all(torch.equal(got[key], want[key]) for key in want)


def test_the_gate_of_a_task_is_one_slice_of_all_gates():
    every = dict(canonical_tensors(zoo.build("m3vit-micro", task_input=True)))
    for task in (0, 1):
        one = dict(canonical_tensors(zoo.build("m3vit-micro", task=task)))
        gates = [key for key in one if ".router." in key]
        assert len(gates) == 2
        assert all(f".router.{task}." in key and torch.equal(one[key], every[key]) for key in gates)


@pytest.mark.parametrize("name", ["vit-micro", "vit-tiny"])
def test_attention_is_neither_uniform_nor_one_hot(name):
    model, entropies, widest = zoo.build(name, attention="eager"), [], 0
    softmax = torch.Tensor.softmax

    def watch(self, dim):
        nonlocal widest
        p = softmax(self, dim=dim)
        widest = p.shape[-1]
        entropies.append(float(-(p * p.log()).sum(-1).mean()))
        return p

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "softmax", watch)
        model(zoo.example_input(name))
    highest = torch.tensor(float(widest)).log().item()
    assert entropies
    assert all(0.5 * highest < entropy < 0.99 * highest for entropy in entropies)
