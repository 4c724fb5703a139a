import torch

from vitaccel.zoo.embed import PatchEmbed, learned, with_prefix
from vitaccel.zoo.weights import seed_weights


def test_a_token_is_the_projection_of_its_patch_in_row_order():
    embed = PatchEmbed(width=6, patch=4)
    seed_weights(embed, seed=0)
    image = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    tokens = embed(image)
    assert tokens.shape == (2, 6, 6)
    patch = image[1, :, 4:8, 8:12].reshape(-1)
    want = embed.proj.weight.reshape(6, -1) @ patch + embed.proj.bias
    torch.testing.assert_close(tokens[1, 1 * 3 + 2], want)


def test_an_image_may_have_one_channel():
    assert PatchEmbed(width=6, patch=4, channels=1)(torch.zeros(2, 1, 8, 12)).shape == (2, 6, 6)


def test_prefix_tokens_stand_in_front_of_every_image():
    cls, registers = torch.full((1, 1, 4), 7.0), torch.arange(8.0).reshape(1, 2, 4)
    out = with_prefix(torch.zeros(3, 5, 4), cls, registers)
    assert out.shape == (3, 8, 4)
    for image in range(3):
        assert torch.equal(out[image, :1], cls[0])
        assert torch.equal(out[image, 1:3], registers[0])


def test_learned_tensors_are_parameters():
    assert learned(2, 3).shape == (2, 3)
    assert learned(2, 3).requires_grad
