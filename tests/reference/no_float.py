"""Proof that a computation is integer: every tensor of every PyTorch operation is looked at while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class FloatTensorError(AssertionError):
    """A float or complex tensor went into, or came out of, an operation."""


class NoFloat(TorchDispatchMode):
    """Inside ``with NoFloat():`` every operation whose arguments or results hold a float or complex tensor raises.

    It stands below autograd and ``torch.nn.functional``, so what they call is seen; ``operations`` counts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.operations += 1
        refuse(func, "takes", (args, kwargs))
        results = func(*args, **kwargs)
        refuse(func, "makes", results)
        return results


def refuse(func: Any, verb: str, tree: Any) -> None:
    """Raise if a tensor in *tree* is float or complex, or if *tree* names such a dtype to convert to."""
    for leaf in tree_leaves(tree):
        dtype = leaf.dtype if isinstance(leaf, Tensor) else leaf
        if isinstance(dtype, torch.dtype) and (dtype.is_floating_point or dtype.is_complex):
            raise FloatTensorError(f"{func} {verb} a tensor of {dtype}")


def without_float(compute: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``compute(*arguments)``, run inside :class:`NoFloat`; without any operation it proves nothing."""
    with NoFloat() as seen:
        result = compute(*arguments)
    assert seen.operations, "no operation of PyTorch was seen"
    return result
