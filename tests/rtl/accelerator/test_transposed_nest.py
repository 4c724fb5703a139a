"""Digits of tiles of attention with kept logits: their order, and what goes along with each."""

from __future__ import annotations

from typing import Any

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.transposed_nest import TransposedNest

SIDE, WAIT = 4, 2
FIELDS = {
    "frames": 2, "heads": 2, "row_blocks": 3, "value_tiles": 2, "last_channels": 3, "keys": 9, "logits": 100,
    "logits_step": 40, "logits_head": 9, "logits_frame": 120, "logits_plane": 20, "q_head": 12, "q_frame": 24,
    "v": 500, "v_step": 16, "v_head": 32, "v_frame": 9, "out": 800, "out_step": 16, "out_head": 7, "out_frame": 48,
    "sets": 5, "logits_interval": 2, "values_interval": 3, "result": 17,
}  # fmt: skip


def expected() -> list[dict[str, int]]:
    f, made = FIELDS, []
    for frame in range(f["frames"]):
        for head in range(f["heads"]):
            for row in range(f["row_blocks"]):
                for tile in range(f["value_tiles"]):
                    for digit in range(2):
                        ends = tile == f["value_tiles"] - 1
                        out = f["out"] + frame * f["out_frame"] + head * f["out_head"] + row * f["out_step"]
                        logits = f["logits"] + frame * f["logits_frame"] + head * f["logits_head"]
                        made.append(
                            {
                                "a": logits + row * f["logits_step"],
                                "b": f["v"] + frame * f["v_frame"] + head * f["v_head"] + tile * f["v_step"],
                                "statistics": frame * f["q_frame"] + head * f["q_head"],
                                "is_low_digit": digit,
                                "out": out + tile * SIDE,
                                "words": f["last_channels"] if ends else SIDE,
                                "sets": f["sets"] + 2 * head + 1,
                                "sets_count": digit,
                                "interval": f["values_interval" if digit else "logits_interval"],
                            }
                        )
    return made


def test_two_digits_of_every_tile() -> None:
    drives: list[dict[str, Any]] = [{"start": 1, "instruction": FIELDS}]
    cycles = []
    for _ in expected():
        drives += [{}] * WAIT
        cycles.append(len(drives))
        drives.append({"step": 1})
    seen = watch(TransposedNest(side=SIDE), drives, ["tile", "interval", "is_last", "result"])
    for cycle, wanted in zip(cycles, expected(), strict=True):
        tile, interval, is_last, result = seen[cycle]
        operands, drain = tile.operands, tile.drain
        found = {name: getattr(operands, name) for name in ("a", "b", "statistics", "is_low_digit")}
        found |= {"out": drain.out, "words": drain.words, "sets": tile.sets, "sets_count": tile.sets_count}
        assert found | {"interval": interval} == wanted
        assert (operands.depth, operands.plane, operands.from_kept) == (FIELDS["keys"], FIELDS["logits_plane"], 1)
        assert (drain.has_one_set, drain.ends_row, drain.is_logits) == (1, 1, 0)
        assert (is_last, result) == (cycle == cycles[-1], FIELDS["result"])
