"""Training of the ``-digits`` models from scratch, the same to the last bit on every run of one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vitaccel.errors import VitaccelError, did_you_mean
from vitaccel.zoo.assemble import construct
from vitaccel.zoo.augment import Augmentation
from vitaccel.zoo.catalog import Request, resolve
from vitaccel.zoo.digits import GREY_LEVELS, IMAGE_SIDE, LabelledImages, load_scans
from vitaccel.zoo.regularize import watched
from vitaccel.zoo.weights import canonical_tensors, seed_weights

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: AdamW, a learning rate that rises linearly and falls as a cosine, label smoothing.

    Parameters
    ----------
    steps, batch
        Updates, and images per update.
    learning_rate, warmup
        Highest learning rate, and the share of the steps before it is reached.
    weight_decay
        Of weight matrices; positions, tokens, norms and biases do not decay.
    smoothing
        Share of the label that is spread over all classes.
    clip
        Largest norm of a gradient.
    balance, doubt, pile
        Weights of the penalties of :mod:`vitaccel.zoo.regularize`.
    augmentation
        What happens to an image.
    """

    steps: int = 1500
    batch: int = 96
    learning_rate: float = 3e-3
    warmup: float = 0.1
    weight_decay: float = 0.05
    smoothing: float = 0.05
    clip: float = 1.0
    balance: float = 0.04
    doubt: float = 0.02
    pile: float = 0.05
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise VitaccelError(f"steps and batch must be at least 1, not {self.steps} and {self.batch}")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step from 0 to ``steps - 1``."""
        rising = max(1, round(self.warmup * self.steps))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        share = (step - rising) / max(1, self.steps - rising)
        return self.learning_rate * 0.5 * (1 + float(np.cos(np.pi * share)))


RECIPES = {
    "vit-digits": Recipe(),
    "lookupvit-digits": Recipe(steps=2500),
    "m3vit-digits": Recipe(),
}
"""The recipes that made the checkpoints."""


def recipe_of(name: str) -> Recipe:
    """Return the recipe of a model.

    Raises
    ------
    VitaccelError
        The model has none.
    """
    if name not in RECIPES:
        raise VitaccelError(
            f"model to train must be one of {', '.join(RECIPES)}, not {name!r}{did_you_mean(name, RECIPES)}"
        )
    return RECIPES[name]


def train(name: str, recipe: Recipe, *, seed: int = 0, report: Callable[[int, float], None] | None = None) -> nn.Module:
    """Return a model trained on the training images, in eval mode, its weights rounded to half precision.

    One thread, deterministic kernels and generators of its own: the same seed gives the same weights on every run, and
    the random numbers of the caller are left alone. Another processor or PyTorch may sum in another order, and then the
    weights differ.

    Parameters
    ----------
    name
        A name of :data:`RECIPES`.
    recipe
        Mostly ``recipe_of(name)``.
    seed
        Chooses the first weights, the order of the images and their augmentation.
    report
        Called with the step, from 1, and its loss.

    Raises
    ------
    VitaccelError
        The model has no recipe, or scikit-learn is missing.
    """
    recipe_of(name)
    request = resolve(name, {})
    scans, labels = load_scans("training")
    images, targets = torch.from_numpy(scans).float() / GREY_LEVELS, torch.from_numpy(labels)
    with one_deterministic_thread():
        model = _untrained(request, seed)
        optimizer = _optimizer(model, recipe)
        generator = torch.Generator().manual_seed(seed)
        with watched(model, balance=recipe.balance, doubt=recipe.doubt, pile=recipe.pile) as penalty:
            for step, chosen in enumerate(_batches(len(targets), recipe, generator)):
                optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = recipe.rate(step)
                logits = model(recipe.augmentation(images[chosen], IMAGE_SIDE, generator))
                loss = F.cross_entropy(logits, targets[chosen], label_smoothing=recipe.smoothing) + penalty.take()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
                optimizer.step()
                if report is not None:
                    report(step + 1, float(loss.detach()))
    model.eval().requires_grad_(False)
    for _, tensor in canonical_tensors(model):
        tensor.copy_(tensor.half())
    return model


def count_correct(model: nn.Module, part: LabelledImages) -> int:
    """Return how many images a model classifies as labelled, in float; a tie goes to the lower class."""
    correct = 0
    with torch.no_grad():
        for start in range(0, len(part), EVALUATION_BATCH):
            images = torch.from_numpy(part.images[start : start + EVALUATION_BATCH])
            found = model(images).numpy().argmax(axis=1)
            correct += int((found == part.labels[start : start + EVALUATION_BATCH]).sum())
    return correct


@contextmanager
def one_deterministic_thread() -> Iterator[None]:
    """Restrict PyTorch to one thread and deterministic kernels while inside."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(threads)


def _untrained(request: Request, seed: int) -> nn.Module:
    model = construct(request).train().requires_grad_(True)
    seed_weights(model, seed=seed)
    return model


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_matrix = parameter.dim() >= 2 and not name.endswith(("_token", "_embed"))
        (decayed if is_matrix else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True)


def _batches(images: int, recipe: Recipe, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the images of each step: all of them in random order, again and again."""
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(recipe.steps):
        while len(order) < recipe.batch:
            order = torch.cat([order, torch.randperm(images, generator=generator)])
        yield order[: recipe.batch]
        order = order[recipe.batch :]
