"""What is known of a frame's words in the vector engine: where they are, and what is done with them."""

from types import SimpleNamespace

from amaranth.hdl import Signal
from amaranth.lib import data

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import COUNT, LANE_FUNCTIONS, WORD_ADDRESS

FUNCTION = {name: code for code, name in enumerate(LANE_FUNCTIONS)}

FRAME_WORDS = range(latency.SLOTS + 1)

LANE_NUMBER = range(65)

FETCH = data.StructLayout(
    {
        "a": WORD_ADDRESS,
        "a_high": WORD_ADDRESS,
        "a_count": FRAME_WORDS,
        "b": WORD_ADDRESS,
        "b_count": FRAME_WORDS,
        "sets": WORD_ADDRESS,
        "sets_count": FRAME_WORDS,
    }
)
"""Runs that are read from a frame's start on: of low and high bytes of operand a, of operand b, of parameter sets."""

LANES = data.StructLayout(
    {
        "function": 4,
        "is_wide": 1,
        "a_is_wide": 1,
        "b_is_pair": 1,
        "moves": 1,
        "turn": LANE_NUMBER,
        "skip": LANE_NUMBER,
        "fill": LANE_NUMBER,
        "has_b": 1,
        "own_sets": 1,
        "table": 1,
        "moments": 1,
        "parity": 1,
        "first": 1,
        "ends": 1,
        "count": FRAME_WORDS,
        "real": FRAME_WORDS,
        "channels": COUNT,
        "by_rows": 1,
    }
)
"""What the lanes do with a frame's words: ``count`` of them, of which ``real`` are read and the others zero. The first
is a row-block's ``first``, the last its last if it ``ends``. With ``own_sets`` every word has a set. Where tokens
``moves``, lanes are turned by ``turn``, and those before ``skip`` and from ``fill`` on keep what was there."""

OUT = data.StructLayout(
    {"low": WORD_ADDRESS, "high": WORD_ADDRESS, "is_wide": 1, "count": FRAME_WORDS, "tokens": LANE_NUMBER}
)
"""Runs of results: of a frame's words, or of a tile's tokens."""


def walk_registers(positions, turn_tiles):
    """Return the registers of a walk: what is left of a row-block, and where the next frame's words are.

    Parameters
    ----------
    positions
        Frames of a turn of tiles that are told apart, 1 if there is only one part of the buffer.
    turn_tiles
        Tiles of it, likewise.
    """
    shapes = {
        **dict.fromkeys(("moments", "parity", "first", "second", "ends", "ends_tile", "has_pair"), 1),
        **dict.fromkeys(("left", "tile_left", "tiles_left"), COUNT),
        **dict.fromkeys(("count", "real"), FRAME_WORDS),
        **dict.fromkeys(("a", "a_here", "b", "b_here", "sets", "out", "out_high"), WORD_ADDRESS),
        **dict.fromkeys(("a_frame", "b_frame", "out_frame"), range(positions)),
        "out_tile": range(turn_tiles),
        "tokens": LANE_NUMBER,
        "skip": LANE_NUMBER,
        "fill": LANE_NUMBER,
    }
    words = {name: Signal(shape, name=f"word_{name}", reset_less=True) for name, shape in shapes.items()}
    return SimpleNamespace(moving=Signal(name="moving"), **words)
