"""What the tables of the instruction set do not say: what operations mean, which numbers are legal, what must wait."""

from __future__ import annotations

from vitaccel_rtl.accelerator.isa import (
    ATTENTION_MODES,
    BUFFERS,
    BY_CODE,
    LANE_FUNCTIONS,
    MOST_CHOICES,
    MOST_EXPERTS,
)

AT_LEAST_1 = (
    "rows", "row_bytes", "row_words", "depth", "row_blocks", "n_tiles", "frames", "heads", "head_dim", "key_blocks",
    "keys", "value_tiles", "channels", "interval", "first_interval", "logits_interval", "values_interval", "result",
)  # fmt: skip
"""Fields of every operation that must not be 0."""

UP_TO_SIDE = ("last_rows", "last_keys", "last_channels")
"""Fields that count lanes of P."""

SPECIAL = {
    "operation": ", ".join(str(code) for code in BY_CODE),
    "buffer": f"0 to {len(BUFFERS) - 1}; of a store 0",
    "mode": f"0 to {len(ATTENTION_MODES) - 1}",
    "function": f"0 to {len(LANE_FUNCTIONS) - 1}",
    "shift": "0 to P - 1",
    "experts": f"1 to {MOST_EXPERTS}",
    "moments": "0 to `moment_blocks` - 1",
    "choices": f"1 to {MOST_CHOICES}",
    "dram": "a multiple of P",
    "stride_bytes": "a multiple of P",
}
"""Fields with a range of their own."""

_RESULT = (
    "The result is int8, or int16 in two planes: its low bytes from `out` on, its high bytes `out_plane` words behind"
    " them. Token-lane, word c of a row-block holds channel c of P tokens; channel-lane (`by_rows`), word t of a tile"
    " holds token t of P channels."
)

MEANINGS = {
    "load": (
        "Row r is the `row_bytes` bytes from `dram + r stride_bytes` on; it goes to the `row_words = ceil(row_bytes /"
        " P)` words from `address + r step` on, the last of them filled up with zeros. Parameters and tables are one"
        " row each: `row_bytes / 8` sets, the first of them set `address`; or the 256 entries of a table, for the"
        " inputs from -128 up, of 1 or 2 bytes (`row_bytes` is 256 or 512), for slot `address`. A set is an int32"
        " offset, then 18 bits of a signed multiplier and 6 bits of a shift.\n\n"
        "With several arrays the words of a row go to the parts by turns. With `by_tiles` a row is a tile and in its"
        " part, or with `is_wide` two of them are, low bytes and high bytes, and `step` is from a row to the next"
        " there.\n\n"
        "It completes when everything it has loaded can be read."
    ),
    "store": (
        "Row r is the first `row_bytes` bytes of the `row_words = ceil(row_bytes / P)` words from `address + r step` of"
        " the activation buffer on; it goes to `dram + r stride_bytes`. With several arrays they stand where a load"
        " puts them.\n\n"
        "It completes when the memory has answered its last burst."
    ),
    "matmul": (
        "For every tile n of P columns, and in it for every row-block m of P rows: the sums over `depth` words of A,"
        " from `a + m a_step` on, times B, from `b + n b_step` on, in int32. Each is requantized by the set of its"
        " column (`reference/requantize.py`): the sets stand in 8 words behind the weights of the tile, or, where B is"
        " an activation, from set `sets + n P` on. A residual, int16 in planes, is added and saturates"
        " (`reference/residual.py`), or an activation table is looked up (`reference/activation.py`). Of the last"
        " row-block only `last_rows` rows are results; what its other lanes hold, no result depends on.\n\n"
        f"{_RESULT} Row-blocks are `out_step` and tiles of columns `out_tile_step` apart.\n\n"
        "With several arrays each makes `n_tiles` tiles, the tiles of the first: what no other has of the last turns is"
        " made all the same, and means nothing. Tile n of array j is tile n // T T arrays + j T + n % T of all. By that"
        " number go the sets of an activation's columns, and which columns count for moments; B, results and residuals"
        " are in the array's own part and go by n.\n\n"
        "With `takes_moments` the results of the first `moments_channels` columns are summed up, and so are their"
        " squares, for every row of row-block m in place `moments + m` of the memory of moments: from zero on with"
        " `begins_moments`, else from what is there. They are int16 results by columns, with a residual if there is"
        " one, and of no table and no expert.\n\n"
        "With `has_expert` the queue"
        " of the expert says how many row-blocks there are; if none, nothing is done.\n\n"
        "Tiles set out `interval` frames after each other, those behind the first of a column `first_interval`;"
        " `result` frames after the last one everything is in its place, and the instruction completes. The least legal"
        " times are the formulas of `vitaccel_rtl.accelerator.pace`."
    ),
    "attention": (
        "For every frame, head and row-block of P queries: logits, queries times keys, requantized by the head's first"
        " set to base-2 fixed point; their softmax (`reference/softmax.py`), of which the maximum and the sum are made"
        " while the logits are, and the numerators on their way to the array; values, numerators times V, requantized"
        " by the head's second set and divided by the sum. Logits and numerators never leave the chip.\n\n"
        f"{_RESULT}\n\n"
        "Tiles of logits set out `logits_interval` frames after each other, tiles of values `values_interval`, and a"
        " row-block's first tile of values `statistics` frames or more after its last one of logits; meanwhile the"
        " logits of the next row-block are made, unless `one_in_flight`. `result` frames after the last tile the"
        " instruction completes. The least legal times are the formulas of `vitaccel_rtl.accelerator.pace`."
    ),
    "lane": (
        "Every row-block is a stream of `channels` words, a lane for each of its P tokens.\n\n"
        "| function | what becomes of it | sets |\n|---|---|---|\n"
        "| `copy` | itself | none |\n"
        "| `zero` | zeros | none |\n"
        "| `layernorm` | normalized over its channels (`reference/layernorm.py`) | epsilon, 64 bits; then one a"
        " channel |\n"
        "| `convert` | requantized (`reference/requantize.py`) | one a channel |\n"
        "| `add` | a sum (`reference/elementwise.py`) of two tensors; or, without `has_b`, requantized | one an"
        " operand; one a channel |\n"
        "| `mul` | a product (`reference/elementwise.py`) of two tensors; or, without `has_b`, requantized | one; one a"
        " channel |\n"
        "| `activation` | requantized to int8, then looked up in a table (`reference/activation.py`) | one |\n"
        "| `head_mean` | the mean over heads | one |\n\n"
        f"{_RESULT}\n\n"
        "With several arrays a result may begin in any frame of 8 words of a turn, and in any part: `out_frame` frames"
        " of the turn are before it. Where tokens move, so it is with what they are written over: `b` and `b_frame` are"
        " the result's.\n\n"
        "Row-blocks set out `interval` frames after each other. LayerNorm streams each twice: for its moments, and"
        " `scale` frames or more after them to be normalized, with the moments of the next one between. With"
        " `has_moments` it streams row-block m once: its moments are in place `moments + m`, where a matmul took them,"
        " and are asked for `scale` frames or more before, of the first row-block at once and of the others when the"
        " one before sets out. `result` frames after the last one the instruction completes. The least legal times"
        " are the formulas of `vitaccel_rtl.accelerator.vector_pace`."
    ),
    "route": (
        "For every token its `choices` largest logits of `experts`, of equal ones that of the lower expert first, and"
        " their gate scores (`reference/topk.py`, `reference/softmax.py`). A frame begins with a row-block; a row-block"
        " has `experts` words. The queues last until the next route; slot e is expert e.\n\n"
        "Row-blocks set out `interval` frames after each other. The instruction completes when all queues are there and"
        " their lengths are known to the compute engine. The least legal time is that of"
        " `vitaccel_rtl.accelerator.expert_pace`."
    ),
    "gather": (
        "Token t is word t of every tile of `a`, whatever its frame. The i-th entry of the queue becomes lane i % P of"
        " row-block i // P of the result; lanes behind the last entry are 0. Of an empty queue nothing is written."
    ),
    "scatter_add": (
        "For the i-th entry of the queue, of a token with gate score s (16 bits of fraction), every channel of lane i %"
        " P of row-block i // P of `a` is multiplied by s and by the multiplier of the set, shifted right by its shift"
        " and 16, rounded, and added to the token's channel of the result, where every frame begins with a row-block;"
        " sums saturate at int16. One entry is added after the other.\n\n"
        "Entries set out `interval` frames after each other, or when the queue gives them. The least legal time is that"
        " of `vitaccel_rtl.accelerator.expert_pace`."
    ),
}
"""Of every operation, by its name."""


def meaning(operation: str) -> str:
    """Return what an operation does, as paragraphs of Markdown."""
    return MEANINGS[operation]


def legal(field: str, bits: int) -> str:
    """Return which numbers a field may hold, in words."""
    most = f"2^{bits} - 1" if bits > 8 else str((1 << bits) - 1)
    if field in SPECIAL:
        return SPECIAL[field]
    if field in UP_TO_SIDE:
        return "1 to P"
    if field in AT_LEAST_1:
        return f"1 to {most}"
    return "0, 1" if bits == 1 else f"0 to {most}"


def hazards() -> tuple[str, ...]:
    """Return what a program must wait for, a sentence each."""
    return (
        "what reads a word, a set, a table or moments must wait for what writes it (read after write);",
        "what writes it must wait for everything that reads what stood there before (write after read), and for what"
        " wrote it (write after write);",
        "the same holds for bytes of DRAM that one instruction stores and another loads;",
        "the program itself, and what it loads, must be in memory before it is started, and its own bytes must not be"
        " written while it runs.",
    )
