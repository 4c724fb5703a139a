import pytest
import torch

from vitaccel import zoo

MICROS = [info.name for info in zoo.models() if info.name.endswith("-micro")]


@pytest.mark.parametrize("name", MICROS)
def test_a_micro_model_runs_and_is_small(name):
    model = zoo.build(name)
    image = zoo.example_input(name, batch=2)
    logits = model(image)
    assert logits.shape == (2, 10)
    assert torch.isfinite(logits).all()
    assert logits.std() > 0.1
    assert zoo.count_macs(model, image[:1]) < 1_000_000


@pytest.mark.parametrize("name", MICROS)
def test_the_seed_fixes_the_weights(name):
    image = zoo.example_input(name)
    before = torch.random.get_rng_state()
    first, again, other = (zoo.build(name, seed=seed)(image) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_model_is_in_eval_mode_without_gradients():
    model = zoo.build("hybrid-micro")
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_example_inputs_follow_the_options():
    assert zoo.example_input("vit-tiny", image_size=384, batch=2).shape == (2, 3, 384, 384)
    assert torch.equal(zoo.example_input("vit-micro", seed=1), zoo.example_input("vit-micro", seed=1))
    assert not torch.equal(zoo.example_input("vit-micro", seed=1), zoo.example_input("vit-micro", seed=2))
    assert list(zoo.example_inputs("vit-micro")) == ["image"]
    assert list(zoo.example_inputs("m3vit-micro", task_input=True)) == ["image", "task"]


@pytest.mark.parametrize("name", [name for name in MICROS if not name.startswith(("lookupvit", "vmoe"))])
def test_images_of_a_batch_do_not_mix(name):
    """A LookupViT too, below; a V-MoE drops tokens by their place in the whole batch."""
    model, images = zoo.build(name), zoo.example_input(name, batch=3)
    torch.testing.assert_close(model(images)[1:2], model(images[1:2]))


def test_images_of_a_lookupvit_batch_do_not_mix():
    for resample in ("resize", "pool", "matmul"):
        model = zoo.build("lookupvit-micro", resample=resample)
        images = zoo.example_input("lookupvit-micro", batch=3)
        torch.testing.assert_close(model(images)[1:2], model(images[1:2]))
