"""Two containers of the same experts: E small MLPs, or two stacked 3-D weights."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from vitaccel.zoo.activation import Gelu
from vitaccel.zoo.block import Mlp
from vitaccel.zoo.embed import learned


class ListedExperts(nn.ModuleList):
    """E separate MLPs."""

    def __init__(self, *, experts: int, width: int, hidden: int, gelu: str) -> None:
        super().__init__(Mlp(width=width, hidden=hidden, gelu=gelu) for _ in range(experts))


class StackedExperts(nn.Module):
    """E MLPs in weights ``(E, h, D)`` and ``(E, D, h)``, biases ``(E, h)`` and ``(E, D)``."""

    def __init__(self, *, experts: int, width: int, hidden: int, gelu: str) -> None:
        super().__init__()
        self.fc1_weight = learned(experts, hidden, width)
        self.fc1_bias = learned(experts, hidden)
        self.fc2_weight = learned(experts, width, hidden)
        self.fc2_bias = learned(experts, width)
        self.act = Gelu(gelu)

    def __len__(self) -> int:
        return self.fc1_weight.shape[0]

    def canonical(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the parameters of each expert, as views, under their :class:`ListedExperts` names."""
        for expert in range(len(self)):
            for layer in ("fc1", "fc2"):
                yield f"{expert}.{layer}.weight", getattr(self, f"{layer}_weight")[expert]
                yield f"{expert}.{layer}.bias", getattr(self, f"{layer}_bias")[expert]
