"""Sizes of codes and tables that blocks, and the count of a machine's memories, have in common. Pure Python."""

LOGIT_BITS = 16
"""Of a logit: of attention, and of a gate."""

SCORE_BITS = 16
"""Of a gate score, uq0.16."""

EPSILON_BITS = 62
"""Of LayerNorm's epsilon, in its scale of squares."""

TABLE_INPUT_BITS = 8
"""Of what an activation table is asked for: an int8."""

TABLE_ENTRIES = 1 << TABLE_INPUT_BITS
