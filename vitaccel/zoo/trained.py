"""Which zoo models have trained weights, and which options those weights are for."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from vitaccel.errors import VitaccelError
from vitaccel.zoo.catalog import Request
from vitaccel.zoo.load_weights import load_weights
from vitaccel.zoo.option import OptionValue
from vitaccel.zoo.weights import seed_weights

CHECKPOINTS = Path(__file__).parent / "checkpoints"
"""Where ``python -m vitaccel.zoo.train_digits`` left its weights."""

SAME_FUNCTION: dict[str, tuple[OptionValue, ...]] = {
    "qkv": ("fused", "separate"),
    "attention": ("sdpa", "eager"),
    # The tanh form is within 5e-4 of the erf form everywhere, the sigmoid form only within 2.1e-2.
    "gelu": ("erf", "tanh"),
    "resample": ("resize", "matmul"),
    "gate": ("plain", "official"),
    "task_input": (False, True),
    "moe_style": ("dense_list", "nonzero", "dense_bmm", "gather_w", "microsoft"),
}
"""Values that leave a model what it was trained to be; of any other option, only the default does."""


def has_trained_weights(name: str) -> bool:
    """Return whether a model is built with trained weights unless a seed or a file is given."""
    return checkpoint(name).is_file()


def checkpoint(name: str) -> Path:
    """Return where the trained weights of a model are, if it has any."""
    return CHECKPOINTS / f"{name}.npz"


def set_weights(model: nn.Module, request: Request, *, seed: int | None) -> None:
    """Fill ``model`` with the weights of ``seed``; without one, with its trained weights, else with those of seed 0.

    Raises
    ------
    VitaccelError
        The trained weights are wanted with an option that they were not trained for.
    """
    name = request.info.name
    if seed is not None or not has_trained_weights(name):
        seed_weights(model, seed=seed or 0)
        return
    check_trained_for(request)
    load_weights(model, checkpoint(name))


def check_trained_for(request: Request) -> None:
    """Raise when an option makes another model than the one that was trained."""
    for option in request.info.options:
        legal = SAME_FUNCTION.get(option.name, (option.default,))
        value = request.options[option.name]
        if value not in legal:
            allowed = " or ".join(map(_text, legal))
            raise VitaccelError(
                f"option {option.name} of {request.info.name} must be {allowed} with its trained weights, not "
                f"{_text(value)}; a seed or a weight file allows the others"
            )


def _text(value: OptionValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
