import torch

from vitaccel.zoo.block import Block, Mlp, layer_norm
from vitaccel.zoo.weights import seed_weights


def test_layer_norm_has_the_published_epsilon():
    x = torch.full((1, 18), 2.0)
    x[0, 0] += 1e-3
    norm = layer_norm(18)
    variance = x.var(correction=0)
    torch.testing.assert_close(norm(x), (x - x.mean()) / torch.sqrt(variance + 1e-6))


def test_an_mlp_is_two_affine_maps_around_gelu():
    mlp = Mlp(width=5, hidden=7, gelu="erf")
    seed_weights(mlp, seed=0)
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    hidden = x @ mlp.fc1.weight.T + mlp.fc1.bias
    hidden = hidden / 2 * (1 + torch.erf(hidden / 2**0.5))
    torch.testing.assert_close(mlp(x), hidden @ mlp.fc2.weight.T + mlp.fc2.bias)


def test_a_block_normalises_before_and_adds_after():
    block = Block(width=18, heads=3, hidden=20, qkv="fused", attention="eager", gelu="tanh")
    seed_weights(block, seed=0)
    x = torch.randn(2, 5, 18, generator=torch.Generator().manual_seed(0))
    middle = x + block.attn(block.norm1(x))
    torch.testing.assert_close(block(x), middle + block.mlp(block.norm2(middle)))
    assert not torch.allclose(block.norm1(x), block.norm2(x), atol=0.1)
