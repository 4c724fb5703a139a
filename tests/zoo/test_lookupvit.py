import numpy as np
import pytest
import torch

from vitaccel import zoo
from vitaccel.zoo.weights import canonical_tensors

REUSES = ("post_softmax_T", "pre_softmax_T", "head_mean_T")


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def norm(x, w, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def heads(x, h):
    return x.reshape(len(x), h, -1).transpose(1, 0, 2)


def merged(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def mlp(x, w, name):
    hidden = torch.from_numpy(linear(x, w, f"{name}.fc1"))
    return linear(torch.nn.functional.gelu(hidden).numpy(), w, f"{name}.fc2")


def paper_block(p, z, w, h, reuse):
    """Steps (1) to (4) of a LookupViT block on one image, in float64."""
    d = p.shape[1] // h
    context = norm(z, w, "gather.norm_kv")
    q = heads(linear(norm(p, w, "gather.norm_q"), w, "gather.q"), h)
    k, v = (heads(linear(context, w, f"gather.{name}"), h) for name in "kv")
    logits = q @ k.transpose(0, 2, 1) / np.sqrt(d)
    a = softmax(logits)
    p = p + linear(merged(a @ v), w, "gather.proj")
    normed = norm(p, w, "norm1")
    q, k, v = (heads(linear(normed, w, f"attn.{name}"), h) for name in "qkv")
    p = p + linear(merged(softmax(q @ k.transpose(0, 2, 1) / np.sqrt(d)) @ v), w, "attn.proj")
    p = p + mlp(norm(p, w, "norm2"), w, "mlp")
    values = norm(p, w, "infuse.norm")
    if reuse == "head_mean_T":
        z = z + a.mean(0).T @ values
    else:
        weights = a.transpose(0, 2, 1) if reuse == "post_softmax_T" else softmax(logits.transpose(0, 2, 1))
        z = z + linear(merged(weights @ heads(linear(values, w, "infuse.v"), h)), w, "infuse.proj")
    return p, z + mlp(norm(z, w, "norm_lookup"), w, "mlp_lookup")


@pytest.mark.parametrize("reuse", REUSES)
def test_a_block_is_the_papers_equations(reuse):
    block = zoo.build("lookupvit-micro", reuse=reuse).blocks[1]
    weights = {name: tensor.double().numpy() for name, tensor in canonical_tensors(block)}
    generator = torch.Generator().manual_seed(0)
    p, z = torch.randn(2, 9, 18, generator=generator), torch.randn(2, 35, 18, generator=generator)
    got = block(p, z)
    for image in (0, 1):
        want = paper_block(p[image].double().numpy(), z[image].double().numpy(), weights, 3, reuse)
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_allclose(ours[image].numpy(), theirs, rtol=1e-4, atol=1e-5)


def test_one_set_of_weights_serves_every_grid():
    image = zoo.example_input("lookupvit-micro")
    states, logits = [], []
    for grid in (3, 5, 7, 10):
        model = zoo.build("lookupvit-micro", grid=grid)
        states.append(model.state_dict())
        logits.append(model(image))
    assert all(states[0].keys() == state.keys() for state in states)
    assert all(torch.equal(states[0][name], state[name]) for state in states for name in state)
    assert not torch.allclose(logits[0], logits[1], atol=1e-2)


def test_the_reuses_are_three_different_networks():
    image = zoo.example_input("lookupvit-micro")
    logits = [zoo.build("lookupvit-micro", reuse=reuse)(image) for reuse in REUSES]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(logits[first], logits[second], atol=1e-2)


def test_the_result_is_the_mean_of_a_classifier_on_each_token_set():
    model = zoo.build("lookupvit-micro")
    parts = []
    for head in (model.head, model.head_lookup):
        head.register_forward_hook(lambda _module, _args, out: parts.append(out))
    logits = model(zoo.example_input("lookupvit-micro"))
    torch.testing.assert_close(logits, (parts[0] + parts[1]) / 2)
    assert not torch.allclose(parts[0], parts[1], atol=1e-2)


def test_compressed_tokens_start_from_resampled_features_and_positions():
    model = zoo.build("lookupvit-micro")
    seen = []
    model.blocks[0].register_forward_hook(lambda _module, args, _out: seen.extend(args))
    image = zoo.example_input("lookupvit-micro")
    model(image)
    lookup = model.patch_embed(image) + model.pos_embed
    torch.testing.assert_close(seen[1], lookup)
    torch.testing.assert_close(seen[0], model.resample(lookup))
