"""A tile as the nests send it on its way: where its operands come from, and what becomes of its sums."""

from amaranth.hdl import Signal, Value
from amaranth.lib import data

from vitaccel_rtl.accelerator.isa import COUNT, STEP, WORD_ADDRESS

LANE_COUNT = 6
"""Bits of a number of words of a tile, 1 to 32."""


def operands_layout():
    """Layout of what the operands of a tile need.

    Returns
    -------
    data.StructLayout
        ``a``, ``b``: addresses; ``depth``: K; ``from_logits``: A are numerators of the logits from ``a`` of the logit
        buffer on, with the maximum of ``slot``; ``b_is_activation``: B is not in the weight buffer; ``by_rows``: how
        the tile drains. ``from_kept``: A are probabilities of kept logits from ``a`` of the activation buffer on, with
        high bytes ``plane`` words behind and with ``statistics``, and of the tile this is one digit: ``is_low_digit``
        is the last of it. ``a_is_shared``: A is a row-block whose tiles are in the parts of several arrays, by turns.
    """
    return data.StructLayout(
        {
            "a": WORD_ADDRESS,
            "b": WORD_ADDRESS,
            "depth": COUNT,
            "from_logits": 1,
            "slot": 1,
            "b_is_activation": 1,
            "by_rows": 1,
            "from_kept": 1,
            "plane": STEP,
            "statistics": COUNT,
            "is_low_digit": 1,
            "a_is_shared": 1,
        }
    )


def drain_layout(*, takes_moments=True):
    """Layout of what becomes of the sums of a tile.

    Parameters
    ----------
    takes_moments
        With what is said of rows' moments, which is last: a queue of a machine that takes none has no room for it.

    Returns
    -------
    data.StructLayout
        ``is_logits``: they are logits of ``words`` keys, go to ``out`` of the logit buffer, and end a row of statistics
        with ``ends_row``; else ``words`` results go to ``out`` (and ``out + plane``, if ``is_wide``) of the activation
        buffer. ``takes_sets``: the parameter sets that were loaded last are those of this tile and of the next ones.
        ``is_values``: sums are normalized with the factors of ``slot``. ``has_one_set``: one set is that of all lanes.
        ``keeps``: logits also go, transposed, to ``kept`` (and ``kept + kept_plane``), ``kept_words`` words.
        ``takes_moments``: of the first ``moments_channels`` results of the arrays' tiles, at the place ``moments``;
        from nothing, if it ``begins_moments``. ``has_residual``, ``has_table``, ``table``, ``by_rows`` as in the
        instruction.
    """
    moments = {"takes_moments": 1, "begins_moments": 1, "moments": COUNT, "moments_channels": COUNT}
    return data.StructLayout(
        {
            "out": WORD_ADDRESS,
            "plane": COUNT,
            "words": LANE_COUNT,
            "is_wide": 1,
            "has_residual": 1,
            "has_table": 1,
            "table": 1,
            "by_rows": 1,
            "takes_sets": 1,
            "is_logits": 1,
            "ends_row": 1,
            "is_values": 1,
            "slot": 1,
            "has_one_set": 1,
            "keeps": 1,
            "kept": WORD_ADDRESS,
            "kept_plane": STEP,
            "kept_words": LANE_COUNT,
            **(moments if takes_moments else {}),
        }
    )


def tile_layout():
    """Layout of a tile: ``operands``, ``drain``, its ``residual`` and ``residual_plane``, and its parameter ``sets``.

    ``sets_count`` is how many sets are to be fetched from the parameter buffer for it; ``weight_sets``: its sets stand
    behind its weights.
    """
    return data.StructLayout(
        {
            "operands": operands_layout(),
            "drain": drain_layout(),
            "residual": WORD_ADDRESS,
            "residual_plane": COUNT,
            "sets": WORD_ADDRESS,
            "sets_count": LANE_COUNT,
            "weight_sets": 1,
        }
    )


def keep(m, values):
    """Let fields of a tile be registers of the values of a cycle before.

    Each is a signal of its own: bits that are always equal become one register, and a vector that is made of bits of
    itself is a loop to a simulator.
    """
    for place, (field, value) in enumerate(values):
        register = Signal(len(Value.cast(field)), name=f"tile_field{place}", reset_less=True)
        m.d.sync += register.eq(value)
        m.d.comb += field.eq(register)
