import pytest
import torch

from vitaccel import zoo


def tokens_into_the_head(model, image):
    """Return the normalised tokens and what the head reads."""
    seen = {}
    model.norm.register_forward_hook(lambda _module, _args, out: seen.update(normed=out))
    model.head.register_forward_hook(lambda _module, args, _out: seen.update(pooled=args[0]))
    model(image)
    return seen["normed"], seen["pooled"]


@pytest.mark.parametrize("registers", [0, 3])
def test_the_class_token_is_read_first(registers):
    model = zoo.build("vit-micro", registers=registers)
    normed, pooled = tokens_into_the_head(model, zoo.example_input("vit-micro"))
    assert normed.shape == (1, 1 + registers + 35, 18)
    assert torch.equal(pooled, normed[:, 0])


@pytest.mark.parametrize("registers", [0, 3])
def test_without_a_class_token_the_patches_are_averaged(registers):
    model = zoo.build("vit-micro", cls=False, registers=registers)
    normed, pooled = tokens_into_the_head(model, zoo.example_input("vit-micro"))
    assert normed.shape == (1, registers + 35, 18)
    torch.testing.assert_close(pooled, normed[:, registers:].mean(dim=1))


def test_names_are_those_of_timm():
    names = set(zoo.build("vit-micro", registers=1, depth=1).state_dict())
    layers = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    parts = [f"blocks.0.{layer}" for layer in layers] + ["patch_embed.proj", "norm", "head"]
    assert names == {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")} | {
        "cls_token",
        "reg_token",
        "pos_embed",
    }


def test_deit_reads_the_class_token_or_averages_two_classifiers():
    image = zoo.example_input("deit-micro")
    plain, both = zoo.build("deit-micro"), zoo.build("deit-micro", distilled_head=True)
    normed, pooled = tokens_into_the_head(plain, image)
    assert normed.shape == (1, 37, 18)
    assert torch.equal(pooled, normed[:, 0])
    want = (plain(image) + both.head_dist(normed[:, 1])) / 2
    torch.testing.assert_close(both(image), want)


def test_depth_adds_blocks():
    assert len(zoo.build("vit-micro", depth=5).blocks) == 5
