"""Routing in integers: the k best experts of a token, and the queue of each expert."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64

ORDERS = ("token", "choice")
"""Who comes first where a capacity bounds the queues: a token with all its choices, or all first choices."""


@dataclass(frozen=True)
class TopK:
    """The k largest of a row of router logits, largest first; of equal ones the lower expert is first.

    In hardware: k registers that an expert enters from below and rises while its logit is strictly larger.

    Parameters
    ----------
    experts
        Length of a row.
    k
        1 to *experts*.

    Raises
    ------
    NumericsError
        If *k* is out of range.
    """

    experts: int
    k: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.experts:
            raise NumericsError(f"k of a router must be 1 to {self.experts} experts, not {self.k}")

    def compute(self, logits: Tensor) -> Tensor:
        """Return the experts that each token is sent to, best first.

        Parameters
        ----------
        logits
            Integers ``[..., experts]``.

        Returns
        -------
        Tensor
            int64 ``[..., k]``.

        Raises
        ------
        NumericsError
            If a row has another length.
        """
        if logits.ndim < 1 or logits.shape[-1] != self.experts:
            raise NumericsError(f"router logits must rate {self.experts} experts, not shape {list(logits.shape)}")
        # A stable sort, because topk does not say who wins a tie: the lower expert must.
        return torch.sort(as_int64(logits), dim=-1, descending=True, stable=True).indices[..., : self.k]


@dataclass(frozen=True, eq=False)
class Queues:
    """Which choices of S tokens are kept, and where they stand in the queue of their expert.

    Parameters
    ----------
    choices
        Expert of every choice, int64 ``[S, k]``.
    kept
        Whether the choice fitted into its expert's capacity, bool ``[S, k]``.
    position
        Its place in that queue, int64 ``[S, k]``, counted from 0 in drop order; at least the capacity where not kept.
    lengths
        Kept choices of each expert, int64 ``[experts]``.
    """

    choices: Tensor
    kept: Tensor
    position: Tensor
    lengths: Tensor

    def of(self, expert: int) -> tuple[Tensor, Tensor]:
        """Return the tokens in the queue of *expert* and which of their choices it was, in the order of the queue."""
        token, choice = torch.nonzero((self.choices == expert) & self.kept, as_tuple=True)
        order = self.position[token, choice].argsort()
        return token[order], choice[order]


@dataclass(frozen=True)
class ExpertQueues:
    """The queues of the experts, filled in drop order up to a capacity.

    Parameters
    ----------
    experts
        Number of queues.
    capacity
        Choices that a queue holds; 0 for all.
    order
        ``token`` (tokens in order, a token's choices best first) or ``choice`` (all first choices in the order of
        tokens before any second). Without a capacity nothing is dropped, and tokens are in order.

    Raises
    ------
    NumericsError
        If the capacity is negative, or comes without an order.
    """

    experts: int
    capacity: int = 0
    order: str = ""

    def __post_init__(self) -> None:
        if self.experts < 1 or self.capacity < 0:
            raise NumericsError(f"experts and capacity must be positive, not {self.experts} and {self.capacity}")
        if self.order not in (ORDERS if self.capacity else ("",)):
            needed = " or ".join(ORDERS) if self.capacity else "empty without a capacity"
            raise NumericsError(f"the drop order of experts must be {needed}, not {self.order!r}")

    def compute(self, choices: Tensor) -> Queues:
        """Return what becomes of every choice.

        Parameters
        ----------
        choices
            Experts ``[S, k]``, best first; the tokens of all frames of a batch together.

        Raises
        ------
        NumericsError
            If *choices* is no matrix of experts.
        """
        choices = as_int64(choices)
        if choices.ndim != 2 or (choices.numel() and not 0 <= int(choices.min()) <= int(choices.max()) < self.experts):
            raise NumericsError(f"choices must be a matrix [tokens, k] of experts below {self.experts}")
        sequence = choices.T if self.order == "choice" else choices
        # Choices of one expert keep their order in a stable sort, so a place in the queue is a distance from its start.
        arrival = sequence.flatten().argsort(stable=True)
        assigned = torch.bincount(sequence.flatten(), minlength=self.experts)
        start = assigned.cumsum(0) - assigned
        place = torch.empty_like(arrival)
        place[arrival] = torch.arange(len(arrival)) - start[sequence.flatten()[arrival]]
        position = place.reshape(sequence.shape)
        position = position.T if self.order == "choice" else position
        limit = self.capacity or choices.numel()
        return Queues(choices, position < limit, position, assigned.clamp(max=limit))
