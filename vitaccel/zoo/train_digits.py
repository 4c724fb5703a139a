"""``python -m vitaccel.zoo.train_digits``: train a ``-digits`` model, or print how good the trained ones are."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from vitaccel.errors import OutputError, VitaccelError
from vitaccel.zoo.assemble import build, example_input
from vitaccel.zoo.digits import load_split
from vitaccel.zoo.train import RECIPES, count_correct, recipe_of, train
from vitaccel.zoo.trained import checkpoint
from vitaccel.zoo.truth import count_macs, count_parameters
from vitaccel.zoo.weights import canonical_tensors

REPORTS = 5
"""Lines about the loss while a model trains."""


@dataclass(frozen=True)
class Figures:
    """What :func:`figures` says about one trained model.

    Parameters
    ----------
    name
        The model.
    parameters, macs
        Learned scalars, and multiply-accumulates of one image.
    stored_bytes
        Size of the checkpoint.
    correct, images
        Test images classified right in float, and all of them.
    """

    name: str
    parameters: int
    macs: int
    stored_bytes: int
    correct: int
    images: int

    @property
    def accuracy(self) -> float:
        """Share of the test images that are classified right, per cent."""
        return 100 * self.correct / self.images


def figures() -> list[Figures]:
    """Return the figures of every trained model."""
    test, found = load_split("test"), []
    for name in RECIPES:
        model = build(name)
        found.append(
            Figures(
                name=name,
                parameters=count_parameters(model),
                macs=count_macs(model, example_input(name)),
                stored_bytes=checkpoint(name).stat().st_size,
                correct=count_correct(model, test),
                images=len(test),
            )
        )
    return found


def table(rows: list[Figures]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| model | parameters | MACs | checkpoint, bytes | test accuracy |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{row.name}` | {row.parameters:,} | {row.macs:,} "
        f"| {row.stored_bytes:,} | {row.accuracy:.2f} % ({row.correct} of {row.images}) |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the weights in half precision under names that fit every layout; equal weights give equal files.

    Raises
    ------
    OutputError
        The file is no ``.npz``, or cannot be written.
    """
    _check_suffix(path)
    arrays = {name: tensor.half().numpy() for name, tensor in canonical_tensors(model)}
    try:
        np.savez(path, **arrays)  # type: ignore[arg-type, unused-ignore]
    except OSError as error:
        raise OutputError(f"weight file {path} must be writable, but: {error.strerror or error}") from error


def _check_suffix(path: Path) -> None:
    if path.suffix != ".npz":
        raise OutputError(f"weight file must end in .npz, not {path.name!r}")


@click.command()
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.npz", help="The weight file to write.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses first weights, order and augmentation.")
@click.option("--steps", type=int, help="Train for fewer or more steps than the recipe says.")
def command(name: str | None, output: Path | None, seed: int, steps: int | None) -> None:
    """Train NAME on handwritten digits; without a name, print the figures of the checkpoints that are there."""
    if name is None:
        click.echo(table(figures()), nl=False)
        return
    recipe = recipe_of(name)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    if output is not None:
        _check_suffix(output)
        if not output.parent.is_dir():
            raise OutputError(f"directory of the output file must exist, not be missing: {output.parent}")

    def report(step: int, loss: float) -> None:
        if step % max(1, recipe.steps // REPORTS) == 0:
            click.echo(f"step {step} of {recipe.steps}: loss {loss:.4f}", err=True)

    start = time.process_time()
    model = train(name, recipe, seed=seed, report=report)
    seconds = time.process_time() - start
    test = load_split("test")
    correct = count_correct(model, test)
    click.echo(f"{name}, seed {seed}: {100 * correct / len(test):.2f} % of {len(test)} test images")
    click.echo(
        f"{seconds:.0f} s of one core, PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}", err=True
    )
    if output is not None:
        save_weights(model, output)
        click.echo(f"wrote {output} ({output.stat().st_size} bytes)", err=True)


def main() -> None:
    """Run :func:`command`; what is wrong with its arguments is one sentence and exit code 2."""
    try:
        command()
    except VitaccelError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
