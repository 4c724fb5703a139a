"""Sizes of what the parameter buffer and the activation tables hold. Pure Python."""

from vitaccel_rtl.formats import EPSILON_BITS

SET_BYTES = 8
"""Of a parameter set; so those of P columns take as many words of P bytes."""

SET_BITS = 8 * SET_BYTES

STORED_BITS = EPSILON_BITS
"""Of a parameter set, those that hardware keeps. The longest is LayerNorm's epsilon, which is a set by itself; that of
a column, a channel or a head has 56 (:mod:`vitaccel_rtl.accelerator.parameter_set`)."""

SETS_OF_HEAD = 2
"""Of a head of attention: one for its logits, one for its output."""

TABLE_SLOTS = 2
"""Activation tables on chip: one in use, one loading."""

BYTE = 8
"""Bits of a lane of a word in the activation buffer."""
