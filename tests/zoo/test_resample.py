import pytest
import torch
import torch.nn.functional as F

from vitaccel.zoo.resample import TokenResample, bilinear_matrix

GRIDS = [
    ((14, 14), (7, 7)),
    ((14, 14), (5, 5)),
    ((24, 24), (10, 10)),
    ((5, 7), (3, 3)),
    ((5, 7), (10, 10)),
    ((1, 4), (3, 1)),
]


def tokens(grid):
    return torch.randn(2, grid[0] * grid[1], 6, generator=torch.Generator().manual_seed(0))


def resample(source, target, form, antialias=False):
    return TokenResample(source=source, target=target, form=form, antialias=antialias)


@pytest.mark.parametrize(("source", "target"), GRIDS)
def test_the_matrix_is_the_resize(source, target):
    x = tokens(source)
    want = resample(source, target, "resize")(x)
    assert want.shape == (2, target[0] * target[1], 6)
    torch.testing.assert_close(resample(source, target, "matmul")(x), want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(bilinear_matrix(source, target).sum(dim=1), torch.ones(len(want[0])).double())


def test_half_the_side_is_the_mean_of_two_by_two():
    x = tokens((14, 14))
    grid = x.transpose(1, 2).reshape(2, 6, 14, 14)
    want = F.avg_pool2d(grid, 2).flatten(2).transpose(1, 2)
    for form in ("resize", "matmul", "pool"):
        torch.testing.assert_close(resample((14, 14), (7, 7), form)(x), want)


def test_pooling_and_antialiasing_are_other_maps():
    x = tokens((14, 14))
    plain = resample((14, 14), (5, 5), "resize")(x)
    for other in (resample((14, 14), (5, 5), "pool")(x), resample((14, 14), (5, 5), "resize", antialias=True)(x)):
        assert other.shape == plain.shape
        assert not torch.allclose(other, plain, atol=0.1)


def test_only_an_antialiased_resize_reads_every_token():
    one_hot = torch.eye(196).reshape(1, 196, 196)
    plain = resample((14, 14), (5, 5), "resize")(one_hot)[0]
    smooth = resample((14, 14), (5, 5), "resize", antialias=True)(one_hot)[0]
    torch.testing.assert_close(plain.double(), bilinear_matrix((14, 14), (5, 5)), rtol=1e-4, atol=1e-6)
    assert (plain.sum(dim=0) == 0).any()
    assert (smooth.sum(dim=0) > 0).all()
