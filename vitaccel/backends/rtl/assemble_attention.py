"""Fields of attention: with logits that stay on chip for it alone, or that are kept and used again."""

from __future__ import annotations

from collections.abc import Mapping

from vitaccel.backends.rtl.assemble_site import Site, plane, residues, split, spread
from vitaccel.ir.heads import channels_of_head
from vitaccel.ir.plan import LOGIT_BYTES, PROBABILITY_BITS, TOKEN, ceil_div, has_lines
from vitaccel.ir.program import BY_ARRAY, Attention
from vitaccel_rtl.accelerator.isa import ATTENTION_MODES
from vitaccel_rtl.accelerator.pace import attention_pace, transposed_pace
from vitaccel_rtl.latency import SLOTS

KEPT_ROWS = 4096
"""Rows of attention logits whose statistics are kept where logits are used again: heads times queries, in whole
row-blocks."""


def attention_fields(attention: Attention, site: Site) -> dict[str, int]:
    """Return the fields of attention that are its own.

    Raises
    ------
    UnsupportedError
        If logits are normalized twice or masked, are more than can be kept, or results have a residual or are
        channel-lane.
    """
    _check_attention(attention, site)
    if attention.mode != "none":
        return _transposed_fields(attention, site)
    fields = {
        "mode": ATTENTION_MODES.index(attention.mode),
        "is_wide": int(attention.out_bytes == 2),
        "one_in_flight": int(attention.in_flight == 1),
        "frames": attention.frames,
        "heads": ceil_div(attention.heads, site.parts),
        "head_dim": attention.head_dim,
        "keys": attention.keys,
        "sets": max(attention.parameters, 0),
        "keeps_logits": int(attention.logits >= 0),
        **_tiles(attention, site),
    }
    fields |= _steps(attention, fields, site)
    if attention.logits >= 0:
        fields |= _kept(attention, fields["key_blocks"], site)
    return fields | _attention_times(fields, site)


def _check_attention(attention: Attention, site: Site) -> None:
    modes = ("none", "post_softmax_T")
    site.need(attention.mode in modes, f"must be of mode {' or '.join(modes)}, not {attention.mode}")
    rounds = ceil_div(attention.heads, site.parts)
    rows = attention.frames * rounds * ceil_div(attention.queries, site.side) * site.side
    if attention.logits >= 0:
        site.need(rows <= KEPT_ROWS, f"must keep the statistics of {KEPT_ROWS} rows of logits or fewer, not of {rows}")
    site.need(attention.mask < 0, "must not have a mask: the accelerator has none")
    site.need(attention.residual < 0, "must not add a residual: the accelerator adds none to attention")
    site.need(attention.drain == TOKEN, "must have a token-lane result: the accelerator has no other of attention")
    joined = [part for part in BY_ARRAY if getattr(attention, part) >= 0 and part not in attention.by_array.split()]
    site.need(
        site.parts == 1 or not joined,
        f"must have heads each in its array's part of the buffer, not {' and '.join(joined)} with heads side by side: "
        "several arrays need this",
    )


def _head_words(dim: int, site: Site) -> int:
    """Words from a head to the next in a part of the buffer: of several, whole turns."""
    return dim if site.parts == 1 else channels_of_head(dim, site.side, site.parts)


def _head_tiles(dim: int, site: Site) -> int:
    """Tiles from a head of values to the next in a part of the buffer."""
    return channels_of_head(dim, site.side, site.parts) // site.side


def _kept(attention: Attention, key_blocks: int, site: Site) -> dict[str, int]:
    """Kept logits have a channel for each query of each head, and keys as tokens."""
    return {
        "logits": attention.logits,
        "logits_step": attention.logits_step,
        "logits_plane": plane(attention.logits_step, LOGIT_BYTES),
        "logits_head": _head_words(attention.queries, site),
        "logits_frame": key_blocks * attention.logits_step,
    }


def _transposed_fields(attention: Attention, site: Site) -> dict[str, int]:
    """Keys are the rows, and queries are summed over; their statistics are where the last attention kept them."""
    most = (1 << 31) // (1 << PROBABILITY_BITS + 7)
    site.need(attention.queries < most, f"must sum over fewer than {most} queries in 32 bits, not {attention.queries}")
    row_blocks, last_rows = split(attention.keys, site.side)
    value_tiles, last_channels = split(attention.value_dim, site.side)
    of_head = ceil_div(attention.queries, site.side) * site.side
    fields = {
        "mode": ATTENTION_MODES.index(attention.mode),
        "is_wide": int(attention.out_bytes == 2),
        "frames": attention.frames,
        "heads": ceil_div(attention.heads, site.parts),
        "row_blocks": row_blocks,
        "last_rows": last_rows,
        "keys": attention.queries,
        "value_tiles": value_tiles,
        "last_channels": last_channels,
        "q_head": of_head,
        "q_frame": ceil_div(attention.heads, site.parts) * of_head,
        "v": attention.v,
        "v_step": attention.v_step,
        "v_head": _head_tiles(attention.value_dim, site) * attention.v_step,
        "v_frame": attention.queries,
        "out": attention.out,
        "out_step": attention.out_step,
        "out_head": _head_words(attention.value_dim, site),
        "out_frame": row_blocks * attention.out_step,
        "out_plane": plane(attention.out_step, attention.out_bytes),
        "sets": max(attention.parameters, 0),
        **_kept(attention, row_blocks, site),
    }
    logits = _places(fields, "logits", 1, 0, row_blocks)
    v = _places(fields, "v", value_tiles, attention.v_step)
    out = _places(fields, "out", value_tiles, site.side, row_blocks)
    pace = transposed_pace(
        side=site.side,
        queries=attention.queries,
        spread=max(spread(logits, logits), spread(v, v)),
        out_spread=spread(out, out),
    )
    times: dict[str, int] = pace._asdict()
    return fields | times


def _tiles(attention: Attention, site: Site) -> dict[str, int]:
    row_blocks, last_rows = split(attention.queries, site.side)
    key_blocks, last_keys = split(attention.keys, site.side)
    value_tiles, last_channels = split(attention.value_dim, site.side)
    return {
        "row_blocks": row_blocks,
        "last_rows": last_rows,
        "key_blocks": key_blocks,
        "last_keys": last_keys,
        "value_tiles": value_tiles,
        "last_channels": last_channels,
    }


def _steps(attention: Attention, tiles: dict[str, int], site: Site) -> dict[str, int]:
    """Channels of heads follow each other; those of values begin tiles, and tokens of frames follow each other."""
    head_words, value_words = (_head_words(dim, site) for dim in (attention.head_dim, attention.value_dim))
    return {
        "q": attention.q,
        "q_step": attention.q_step,
        "q_head": head_words,
        "q_frame": tiles["row_blocks"] * attention.q_step,
        "k": attention.k,
        "k_step": attention.k_step,
        "k_head": head_words,
        "k_frame": tiles["key_blocks"] * attention.k_step,
        "v": attention.v,
        "v_step": attention.v_step,
        "v_head": _head_tiles(attention.value_dim, site) * attention.v_step,
        "v_frame": attention.keys,
        "out": attention.out,
        "out_step": attention.out_step,
        "out_head": value_words,
        "out_frame": tiles["row_blocks"] * attention.out_step,
        "out_plane": plane(attention.out_step, attention.out_bytes),
    }


def _attention_times(fields: dict[str, int], site: Site) -> dict[str, int]:
    """Queries, keys and results begin where their head does; keys and values share a client of the buffer."""
    rows = fields["row_blocks"]
    q = _places(fields, "q", 1, 0, rows)
    k = _places(fields, "k", fields["key_blocks"], fields["k_step"])
    v = _places(fields, "v", fields["value_tiles"], fields["v_step"])
    out = _places(fields, "out", fields["value_tiles"], site.side, rows)
    kept = None
    if fields["keeps_logits"]:
        blocks = _places(fields, "logits", fields["key_blocks"], fields["logits_step"])
        kept = frozenset((at + site.side * row) % SLOTS for at in blocks for row in range(min(rows, SLOTS)))
    numerics = site.arch.numerics
    pace = attention_pace(
        side=site.side,
        head_dim=fields["head_dim"],
        keys=fields["keys"],
        has_lines=has_lines(numerics.logit_fraction_bits),
        numerator_bits=numerics.numerator_bits,
        spread=max(spread(q, q), spread(k | v, k | v)),
        out_spread=spread(out, out),
        kept_spread=None if kept is None else spread(kept, kept),
    )
    times: dict[str, int] = pace._asdict()
    return times


def _places(fields: Mapping[str, int], name: str, tiles: int, tile_step: int, rows: int = 1) -> frozenset[int]:
    """Where runs of an operand begin, modulo 8: those of tiles, of row-blocks, of heads, of frames."""
    return residues(
        fields[name],
        (tile_step, tiles),
        (fields[f"{name}_step"], rows),
        (fields[f"{name}_head"], fields["heads"]),
        (fields[f"{name}_frame"], fields["frames"]),
    )
