import torch
import torch.nn.functional as F

from vitaccel import zoo


def unit(x, module, **options):
    bn = module.bn
    x = F.conv2d(x, module.conv.weight, padding=module.conv.weight.shape[-1] // 2, **options)
    return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=1e-5)


def test_the_convolutions_before_the_blocks():
    model, seen = zoo.build("hybrid-micro"), []
    model.blocks[0].register_forward_hook(lambda _module, args, _out: seen.extend(args))
    image = zoo.example_input("hybrid-micro")
    model(image)
    x = unit(image, model.stem, stride=2).relu()
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    x = unit(x, model.depthwise, groups=10)
    x = unit(x * torch.sigmoid(x), model.pointwise)
    x = F.avg_pool2d(x * (x + 3).clamp(0, 6) / 6, 2)
    assert x.shape == (1, 18, 5, 7)
    torch.testing.assert_close(seen[0], x.flatten(2).transpose(1, 2) + model.pos_embed, rtol=1e-4, atol=1e-5)
