import pytest
import torch

from vitaccel import zoo
from vitaccel.zoo.block import Mlp
from vitaccel.zoo.moe import Moe


def test_odd_blocks_have_experts():
    kinds = [type(block.mlp) for block in zoo.build("m3vit-micro").blocks]
    assert kinds == [Mlp, Moe, Mlp, Moe, Mlp]


def test_the_task_input_selects_what_the_task_option_fixes():
    image = zoo.example_input("m3vit-micro")
    every = zoo.build("m3vit-micro", task_input=True)
    fixed = [zoo.build("m3vit-micro", task=task)(image) for task in (0, 1)]
    for task in (0, 1):
        torch.testing.assert_close(every(image, torch.tensor(task)), fixed[task])
    assert not torch.allclose(fixed[0], fixed[1], atol=1e-2)


@pytest.mark.parametrize(("task", "classes"), [(0, 3), (1, 1)])
def test_each_task_has_its_own_decoder(task, classes):
    maps = zoo.build("m3vit-micro", decoder=True, task=task)(zoo.example_input("m3vit-micro"))
    # 3 x 7 patches, 16 pixels each: four doublings whatever the patch size.
    assert maps.shape == (1, classes, 48, 112)


def test_the_official_gate_does_not_change_the_model():
    image = zoo.example_input("m3vit-micro")
    plain, official = (zoo.build("m3vit-micro", gate=gate)(image) for gate in ("plain", "official"))
    assert torch.equal(plain, official)


def test_top_k_changes_the_model():
    image = zoo.example_input("m3vit-micro")
    one, two = (zoo.build("m3vit-micro", top_k=k)(image) for k in (1, 2))
    assert not torch.allclose(one, two, atol=1e-2)
