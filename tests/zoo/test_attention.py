import numpy as np
import torch

from vitaccel import zoo
from vitaccel.zoo.attention import SelfAttention, merge_heads, split_heads
from vitaccel.zoo.weights import canonical_tensors, seed_weights


def attention(**options):
    module = SelfAttention(width=18, heads=3, **{"qkv": "fused", "attention": "eager", **options})
    seed_weights(module, seed=1)
    return module.requires_grad_(False)


def by_loops(x, weights, heads):
    """Compute attention one head and one query at a time, in float64."""
    w = {name: tensor.double().numpy() for name, tensor in weights.items()}
    q, k, v = (x @ w[f"{name}.weight"].T + w[f"{name}.bias"] for name in "qkv")
    d = x.shape[1] // heads
    out = np.zeros_like(x)
    for h in range(heads):
        part = slice(h * d, (h + 1) * d)
        for i in range(len(x)):
            e = np.exp(k[:, part] @ q[i, part] / np.sqrt(d))
            out[i, part] = e @ v[:, part] / e.sum()
    return out @ w["proj.weight"].T + w["proj.bias"]


def test_every_form_is_the_formula():
    x = torch.randn(2, 7, 18, generator=torch.Generator().manual_seed(0))
    for qkv in ("fused", "separate"):
        for form in ("eager", "sdpa"):
            module = attention(qkv=qkv, attention=form)
            got = module(x)
            for image in (0, 1):
                want = by_loops(x[image].double().numpy(), dict(canonical_tensors(module)), 3)
                np.testing.assert_allclose(got[image].numpy(), want, rtol=1e-4, atol=1e-5)


def test_heads_split_and_merge_back():
    x = torch.arange(2 * 5 * 6).reshape(2, 5, 6)
    assert torch.equal(split_heads(x, 3)[1, 2, 4], x[1, 4, 4:6])
    assert torch.equal(merge_heads(split_heads(x, 3)), x)


def test_the_layout_of_a_model_does_not_change_it():
    image = zoo.example_input("vit-micro")
    want = zoo.build("vit-micro")(image)
    for options in ({"attention": "eager"}, {"qkv": "separate"}):
        torch.testing.assert_close(zoo.build("vit-micro", **options)(image), want, rtol=1e-4, atol=1e-5)
