from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vitaccel import zoo
from vitaccel.errors import VitaccelError
from vitaccel.zoo.digits import LabelledImages, load_split
from vitaccel.zoo.train import RECIPES, Recipe, count_correct, one_deterministic_thread, recipe_of, train
from vitaccel.zoo.weights import canonical_tensors

MADE_WITH = ("2.13.0", "AVX512", "AMD EPYC")
"""PyTorch, vector instructions and processor that made the checkpoints: there, retraining gives the same bits."""

CPU_INFO = Path("/proc/cpuinfo")

MARGIN = 0.015
"""How far the accuracy may be from the checkpoint's where the bits differ: docs/digits.md has what was measured."""


def short(name, steps=12):
    return replace(recipe_of(name), steps=steps, batch=16)


def same(model, other):
    pairs = zip(canonical_tensors(model), canonical_tensors(other), strict=True)
    return all(name == again and torch.equal(a, b) for (name, a), (again, b) in pairs)


def processor():
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")


@pytest.mark.parametrize("name", RECIPES)
def test_the_seed_fixes_every_weight(name):
    """Also when the caller has other threads, other kernels and other random numbers."""
    one = train(name, short(name), seed=3)
    torch.randn(5)
    torch.set_num_threads(2)
    try:
        again = train(name, short(name), seed=3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert same(one, again)
    assert not same(one, train(name, short(name), seed=4))


@pytest.mark.parametrize("name", RECIPES)
def test_every_weight_is_trained_and_ends_in_half_precision(name):
    before, model = zoo.build(name, seed=3), train(name, short(name), seed=3)
    assert not model.training
    for (tensor_name, first), (_, last) in zip(canonical_tensors(before), canonical_tensors(model), strict=True):
        # The keys' bias moves every logit of a query alike, and a softmax does not see that.
        if not tensor_name.endswith(("attn.k.bias", "gather.k.bias")):
            assert not torch.equal(first.half().float(), last), tensor_name
        assert torch.equal(last, last.half().float())
        assert not last.requires_grad


def test_a_few_steps_already_classify():
    model = train("vit-digits", replace(recipe_of("vit-digits"), steps=60))
    test = load_split("test")
    assert count_correct(model, test) > 0.6 * len(test)


def test_the_loss_is_reported_at_every_step_and_falls():
    losses = []
    train("vit-digits", short("vit-digits", 40), report=lambda step, loss: losses.append((step, loss)))
    assert [step for step, _ in losses] == list(range(1, 41))
    assert sum(loss for _, loss in losses[-5:]) < 0.9 * sum(loss for _, loss in losses[:5])


def test_the_callers_random_numbers_and_kernels_are_left_alone():
    before = torch.random.get_rng_state()
    train("m3vit-digits", short("m3vit-digits", 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()
    with one_deterministic_thread():
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_learning_rate_rises_and_falls():
    recipe = Recipe(steps=100, learning_rate=1.0, warmup=0.1)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == rates[10] == max(rates) == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 1e-3


def test_counting_takes_every_image_once():
    test = load_split("test")
    model = zoo.build("vit-digits")
    part = [LabelledImages(test.images[place], test.labels[place]) for place in (slice(0, 101), slice(101, None))]
    assert sum(count_correct(model, half) for half in part) == count_correct(model, test)
    wrong = LabelledImages(test.images, (test.labels + 1) % 10)
    assert count_correct(model, wrong) <= len(test) - count_correct(model, test)


def test_what_cannot_be_trained_is_told():
    with pytest.raises(
        VitaccelError, match=r"one of vit-digits, lookupvit-digits, m3vit-digits, not 'vit-digit' \(did"
    ):
        train("vit-digit", Recipe())
    with pytest.raises(VitaccelError, match="steps and batch must be at least 1, not 0 and 96"):
        Recipe(steps=0)


@pytest.mark.full
@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_is_what_training_from_scratch_gives(name):
    model, kept, test = train(name, recipe_of(name)), zoo.build(name), load_split("test")
    correct, expected = count_correct(model, test), count_correct(kept, test)
    if (torch.__version__.split("+")[0], torch.backends.cpu.get_cpu_capability(), processor()) == MADE_WITH:
        assert same(model, kept)
    assert abs(correct - expected) <= MARGIN * len(test)
