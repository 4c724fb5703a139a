import numpy as np
import pytest
import torch

from vitaccel.zoo.augment import Augmentation
from vitaccel.zoo.digits import prepare

STILL = {"shift": 0.0, "turn": 0.0, "stretch": 0.0, "shear": 0.0, "noise": 0.0}


def scans(seed, count=4):
    return np.random.default_rng(seed).integers(0, 17, (count, 8, 8)).astype(np.uint8)


def augmented(found, *, side=16, seed=0, **reach):
    generator = torch.Generator().manual_seed(seed)
    return Augmentation(**{**STILL, **reach})(torch.from_numpy(found).float() / 16, side, generator)


def test_nothing_moved_is_what_the_models_are_evaluated_on(seed):
    found = scans(seed)
    np.testing.assert_allclose(augmented(found).numpy(), prepare(found), atol=2e-6)


@pytest.mark.parametrize("reach", [{name: 0.1} for name in STILL])
def test_each_reach_changes_the_images_by_the_seed(reach, seed):
    found = scans(seed)
    one, again, other = (augmented(found, seed=s, **reach) for s in (1, 1, 2))
    assert torch.equal(one, again)
    for changed in (torch.from_numpy(prepare(found)), other):
        assert (one - changed).abs().amax(dim=(1, 2, 3)).min() > 1e-3


def test_images_stay_between_paper_and_ink(seed):
    images = augmented(scans(seed, 50), shift=0.1, turn=0.2, stretch=0.1, shear=0.1, noise=0.3)
    assert images.shape == (50, 1, 16, 16)
    assert (images.min(), images.max()) == (-1, 1)


def test_a_dot_moves_no_further_than_the_shift():
    dot = np.zeros((200, 8, 8), np.uint8)
    dot[:, 3:5, 3:5] = 16
    ink = augmented(dot, shift=0.1)[:, 0] + 1
    place = (torch.arange(16) + 0.5) / 16 - 0.5
    for axis in (1, 2):
        centre = (ink.sum(dim=3 - axis) * place).sum(dim=1) / ink.sum(dim=(1, 2))
        assert centre.abs().max() < 0.101
        assert centre.min() < -0.08
        assert centre.max() > 0.08
