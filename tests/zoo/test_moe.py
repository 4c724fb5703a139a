import pytest
import torch

from vitaccel import zoo

LOSSLESS = ("dense_list", "dense_bmm", "gather_w", "hit_loop")
SCORES = ("softmax_all", "softmax_topk", "renorm")


def logits(name, **options):
    return zoo.build(name, **options)(zoo.example_input(name))


@pytest.mark.parametrize("name", ["m3vit-micro", "vmoe-micro"])
@pytest.mark.parametrize("scores", SCORES)
def test_lossless_styles_agree(name, scores):
    want = logits(name, moe_style="nonzero", scores=scores)
    for style in LOSSLESS:
        torch.testing.assert_close(logits(name, moe_style=style, scores=scores), want, rtol=1e-5, atol=1e-5)
    roomy = logits(name, moe_style="einsum_cap", scores=scores, capacity_factor=7.0)
    torch.testing.assert_close(roomy, want, rtol=1e-5, atol=1e-5)
    wanted_tanh = logits(name, moe_style="nonzero", scores=scores, gelu="tanh")
    node = logits(name, moe_style="microsoft", scores=scores, gelu="tanh")
    torch.testing.assert_close(node, wanted_tanh, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["m3vit-micro", "vmoe-micro"])
def test_the_default_capacity_loses_tokens(name):
    tight, exact = logits(name, moe_style="einsum_cap"), logits(name, moe_style="nonzero")
    assert (tight - exact).abs().max() > 1e-3


def test_raw_and_renormalised_scores_differ():
    raw, renorm, topk = (logits("m3vit-micro", scores=scores) for scores in ("softmax_all", "renorm", "softmax_topk"))
    assert not torch.allclose(raw, renorm, atol=1e-2)
    torch.testing.assert_close(renorm, topk, rtol=1e-5, atol=1e-5)


def test_the_microsoft_node_has_the_tanh_gelu():
    """Only the experts change with it, by the few 1e-4 between the two forms."""
    node, erf = (logits("m3vit-micro", moe_style=style) for style in ("microsoft", "nonzero"))
    assert 1e-6 < (node - erf).abs().max() < 1e-2
