"""Attention beside PyTorch's own and beside loops over heads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vitaccel.ir import ops

Run = Callable[..., np.ndarray]
B, H, D, M, N = 2, 3, 4, 5, 7


def test_attention_is_scaled_dot_product_attention(run_op: Run, draw: Run) -> None:
    q, k, v, mask = draw(B, M, H * D), draw(B, N, H * D), draw(B, N, H * D), draw(1, 1, M, N)
    logits = run_op(ops.AttentionLogits(heads=H, scale=0.3), q, k, mask)
    heads = [torch.from_numpy(x).view(B, -1, H, D).permute(0, 2, 1, 3) for x in (q, k, v)]
    expected = F.scaled_dot_product_attention(*heads, attn_mask=torch.from_numpy(mask), scale=0.3)
    result = run_op(ops.Attention(), logits, v)
    np.testing.assert_allclose(result, expected.permute(0, 2, 1, 3).reshape(B, M, -1), rtol=1e-5, atol=1e-5)


def test_attention_is_the_core_of_multihead_attention(run_op: Run, draw: Run) -> None:
    layer = torch.nn.MultiheadAttention(H * D, H, bias=False, batch_first=True)
    x = draw(B, N, H * D)
    wq, wk, wv = (w.T.detach().numpy() for w in layer.in_proj_weight.chunk(3))
    logits = run_op(ops.AttentionLogits(heads=H, scale=D**-0.5), x @ wq, x @ wk)
    result = run_op(ops.Attention(), logits, x @ wv) @ layer.out_proj.weight.T.detach().numpy()
    token = torch.from_numpy(x)
    expected, _ = layer(token, token, token)
    np.testing.assert_allclose(result, expected.detach(), rtol=1e-4, atol=1e-5)


def test_logits_without_a_mask(run_op: Run, draw: Run) -> None:
    q, k = draw(B, M, H * D), draw(B, N, H * D)
    expected = 2.0 * np.einsum("bmhd,bnhd->bhmn", q.reshape(B, M, H, D), k.reshape(B, N, H, D))
    np.testing.assert_allclose(run_op(ops.AttentionLogits(heads=H, scale=2.0), q, k), expected, rtol=1e-5, atol=1e-5)


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x.astype(np.float64))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("reuse", [r for r in ops.REUSES if r != "none"])
def test_reuse_carries_values_of_the_queries_back_to_the_keys(run_op: Run, draw: Run, reuse: str) -> None:
    logits, v = draw(B, H, M, N), draw(B, M, H * D)
    expected = np.zeros((B, N, H * D))
    for image, head in np.ndindex(B, H):
        own = slice(head * D, (head + 1) * D)
        over_keys = softmax(logits[image, head], 1)
        if reuse == "post_softmax_T":
            expected[image, :, own] = over_keys.T @ v[image, :, own]
        elif reuse == "pre_softmax_T":
            expected[image, :, own] = softmax(logits[image, head].T, 1) @ v[image, :, own]
        else:
            expected[image] += over_keys.T @ v[image] / H
    np.testing.assert_allclose(run_op(ops.Attention(reuse), logits, v), expected, rtol=1e-5, atol=1e-5)


def test_transposed_probabilities_are_not_normalised_again(run_op: Run, draw: Run) -> None:
    logits = draw(1, 1, M, N)
    ones = np.ones((1, M, 1), np.float32)
    weight = run_op(ops.Attention("post_softmax_T"), logits, ones)
    assert not np.allclose(weight, 1)
    np.testing.assert_allclose(weight.sum(), M, rtol=1e-5)
    np.testing.assert_allclose(run_op(ops.Attention("pre_softmax_T"), logits, ones), 1, rtol=1e-5)
