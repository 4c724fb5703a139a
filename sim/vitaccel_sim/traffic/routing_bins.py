"""What routing must meet: names alone, for a simulator that does not need the reference."""

from __future__ import annotations

BINS = (
    "one token",
    "a row-block with lanes without a token",
    "several frames",
    "all tokens to one expert",
    "an empty queue",
    "equal lengths",
    "no capacity",
    "a capacity of 1",
    "a capacity that nothing reaches",
    "dropped in order of tokens",
    "dropped in order of choices",
    "one choice",
    "several choices",
    "softmax over all experts",
    "softmax over the chosen experts",
)
"""What jobs must meet between them."""
