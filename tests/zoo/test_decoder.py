import torch
import torch.nn.functional as F

from vitaccel.zoo.decoder import UpHead
from vitaccel.zoo.weights import seed_weights


def head():
    module = UpHead(width=6, classes=3, patch_grid=(2, 5))
    seed_weights(module, seed=0)
    return module.eval().requires_grad_(False)


def test_a_patch_becomes_sixteen_pixels():
    tokens = torch.randn(2, 11, 6, generator=torch.Generator().manual_seed(0))
    assert head()(tokens).shape == (2, 3, 32, 80)


def test_the_class_token_is_not_read():
    tokens = torch.randn(1, 11, 6, generator=torch.Generator().manual_seed(0))
    other = tokens.clone()
    other[:, 0] += 1
    assert torch.equal(head()(tokens), head()(other))
    other[:, 10] += 1
    assert not torch.equal(head()(tokens), head()(other))


def test_stages_are_convolution_norm_relu_resize():
    module = head()
    tokens = torch.randn(1, 11, 6, generator=torch.Generator().manual_seed(0))
    x = F.layer_norm(tokens[:, 1:], (6,), module.norm.weight, module.norm.bias, 1e-6)
    x = x.transpose(1, 2).reshape(1, 6, 2, 5)
    for stage in range(4):
        x = F.conv2d(x, module.convs[stage].weight, module.convs[stage].bias, padding=1)
        bn = module.bns[stage]
        x = F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=1e-5).relu()
        if stage == 3:
            x = F.conv2d(x, module.classify.weight, module.classify.bias)
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(module(tokens), x, rtol=1e-4, atol=1e-5)
