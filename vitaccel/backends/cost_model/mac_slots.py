"""What becomes of every cycle of every PE."""

from __future__ import annotations

from dataclasses import dataclass, fields

from vitaccel.backends.cost_model.additive import Additive


@dataclass(frozen=True)
class MacSlots(Additive):
    """Cycles times PEs, each a multiply-accumulate that is useful, or why it is not; the fields sum to all of them.

    Parameters
    ----------
    useful
        MACs that count, in the arrays.
    tokens, keys, channels
        Zeros beside them: rows and keys that do not fill a tile of P, columns (and heads, of several arrays) likewise.
    depth
        Tiles that are not as deep as P wait for the one before them to drain.
    passes
        Multiplications that count no MACs: digits of numerators but the first, products with constants.
    frames
        Tiles begin at frames; the first one of a column brings the parameter sets.
    softmax
        Sums wait for the statistics of their row-block.
    drain
        The array waits for its own earlier result, or the last one leaves.
    layernorm, lanes, experts
        It waits for a LayerNorm, for another stream through the lanes, for routing, gathering or scattering.
    load, store
        It waits for data from DRAM, or for a store.
    program
        It waits for its instruction, which comes from DRAM, too.
    """

    useful: int = 0
    tokens: int = 0
    keys: int = 0
    channels: int = 0
    depth: int = 0
    passes: int = 0
    frames: int = 0
    softmax: int = 0
    drain: int = 0
    layernorm: int = 0
    lanes: int = 0
    experts: int = 0
    load: int = 0
    store: int = 0
    program: int = 0

    @property
    def all(self) -> int:
        """Cycles times PEs."""
        return sum(getattr(self, part.name) for part in fields(self))
