"""What is known of a layer of experts before it runs: how many tokens are routed, and in which groups."""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel.ir.ops.base import need


@dataclass(frozen=True)
class Routed:
    """What the cost model must know to assume a routing.

    Parameters
    ----------
    tokens
        Tokens of all frames.
    experts, k
        Experts, and choices of each token.
    capacity
        Most tokens of an expert, or 0; which ones are dropped depends on all tokens, so they are one group.
    macs_per_row
        MACs of one token in one expert.
    groups
        Tokens of each group that is routed by itself, in program order; none when all are one group.
    """

    tokens: int
    experts: int
    k: int
    capacity: int
    macs_per_row: int
    groups: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        need(not self.groups or sum(self.groups) == self.tokens, f"groups must have {self.tokens} tokens in all")
        need(len(self.groups) <= 1 or not self.capacity, "a capacity must be that of one group of all tokens")
