"""A proof by name: a property of a block at a size, and how it is proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from vitaccel_sim.formal.prove import BUILD_FOLDER, ProofResult, prove

PRODUCTS = ("$mul",)
"""Multiplications, whose results may be anything."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A property of a block, and how it is proved.

    Parameters
    ----------
    family, block, size
        As the table of proofs says them.
    make
        The component to prove, a new one each time.
    method, abstract
        Of :func:`vitaccel_sim.formal.prove.prove`.
    depth, cover_depth
        The same; what the component says, when left out.
    is_long
        Whether the test of it is a long one.
    """

    family: str
    block: str
    size: str
    make: Callable[[], wiring.Component]
    method: str = "induction"
    depth: int | None = None
    cover_depth: int | None = None
    abstract: tuple[str, ...] = field(default=())
    is_long: bool = False

    def __str__(self) -> str:
        return f"{self.family}: {self.block}, {self.size}"

    def run(self, *, timeout_seconds: int = 600, folder: Path = BUILD_FOLDER) -> ProofResult:
        """Prove it."""
        component: Any = self.make()
        return prove(
            component,
            depth=component.depth if self.depth is None else self.depth,
            method=self.method,
            cover_depth=getattr(component, "cover_depth", None) if self.cover_depth is None else self.cover_depth,
            abstract=self.abstract,
            timeout_seconds=timeout_seconds,
            folder=folder,
        )
