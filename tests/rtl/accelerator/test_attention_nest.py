"""The tiles of attention: logits one row-block ahead of values, and values not before their statistics."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel_rtl.accelerator.attention_nest import AttentionNest
from vitaccel_rtl.accelerator.isa import ATTENTION

SIDE = 4
ADDRESSES = 1 << 20
Step = tuple[str, int, int, int, int]
"""Kind, frame, head, row-block, and tile of a row-block."""


def order(f: dict[str, int]) -> Iterator[Step]:
    """Yield the tiles in the order that the docstring of the nest promises."""
    frames, heads, blocks = (range(f[name]) for name in ("frames", "heads", "row_blocks"))
    rows = [(frame, head, row) for frame in frames for head in heads for row in blocks]
    ahead = 1 if f["one_in_flight"] else 2
    kinds = [("logits", at) for at in range(min(ahead, len(rows)))]
    for at in range(len(rows)):
        kinds.append(("values", at))
        if at + ahead < len(rows):
            kinds.append(("logits", at + ahead))
    for kind, at in kinds:
        for tile in range(f["key_blocks" if kind == "logits" else "value_tiles"]):
            yield (kind, *rows[at], tile)


def tile_of(f: dict[str, int], step: Step, slot: int) -> dict[str, int]:
    """What a tile must be."""
    kind, frame, head, row, tile = step
    second = f["keys"] if slot and not f["one_in_flight"] else 0

    def at(name: str) -> int:
        return f[name] + frame * f[f"{name}_frame"] + head * f[f"{name}_head"]

    if kind == "logits":
        last = tile == f["key_blocks"] - 1
        return {
            "a": at("q") + row * f["q_step"],
            "b": at("k") + tile * f["k_step"],
            "depth": f["head_dim"],
            "out": second + tile * SIDE,
            "words": f["last_keys"] if last else SIDE,
            "is_logits": 1,
            "ends_row": last,
            "sets": f["sets"] + 2 * head,
            "sets_count": 0 if tile else 2,
            "interval": f["logits_interval"],
        }
    return {
        "a": second,
        "b": at("v") + tile * f["v_step"],
        "depth": f["keys"],
        "out": at("out") + row * f["out_step"] + tile * SIDE,
        "words": f["last_channels"] if tile == f["value_tiles"] - 1 else SIDE,
        "is_values": 1,
        "sets_count": 0,
        "interval": f["values_interval"],
    }


def found_in(tile: Any, interval: int) -> dict[str, int]:
    operands, drain = tile.operands, tile.drain
    return {
        "a": operands.a, "b": operands.b, "depth": operands.depth, "out": drain.out, "words": drain.words,
        "is_logits": drain.is_logits, "is_values": drain.is_values, "ends_row": drain.ends_row, "sets": tile.sets,
        "sets_count": tile.sets_count, "interval": interval, "slot": drain.slot,
    }  # fmt: skip


@pytest.mark.parametrize("one_in_flight", [0, 1])
@pytest.mark.parametrize(("frames", "heads", "row_blocks"), [(1, 1, 1), (2, 2, 3), (1, 3, 2)])
def test_logits_go_ahead_and_values_wait(one_in_flight: int, frames: int, heads: int, row_blocks: int,
                                         seed: int) -> None:  # fmt: skip
    rng = random.Random(seed)
    own = {placed.field.name: placed.field.bits for placed in ATTENTION.places}
    fields = {n: rng.getrandbits(b) for n, b in own.items() if n != "operation" and not n.startswith("wait_")}
    fields |= {
        "frames": frames, "heads": heads, "row_blocks": row_blocks, "one_in_flight": one_in_flight, "key_blocks": 3,
        "value_tiles": 2, "last_keys": 2, "last_channels": 3, "keys": 10, "head_dim": 7, "statistics": 5,
    }  # fmt: skip
    nest = AttentionNest(side=SIDE)
    rows = frames * heads * row_blocks

    async def bench(ctx: Any) -> None:
        slots = {"logits": 0, "values": 0}
        for _ in range(2):  # slots go on by turns from one instruction to the next
            ctx.set(nest.start, 1)
            ctx.set(nest.instruction, fields)
            await ctx.tick()
            ctx.set(nest.start, 0)
            waited = {0: 99, 1: 99}  # frames since the last logits of a slot
            steps = list(order(fields))
            assert len(steps) == rows * 5
            for number, step in enumerate(steps):
                await ctx.tick().repeat(2)
                kind, slot = step[0], slots[step[0]]
                frames_gone = 0
                while ctx.get(nest.must_wait):
                    assert kind == "values"
                    assert waited[slot] + frames_gone < fields["statistics"]
                    ctx.set(nest.frame, 1)
                    await ctx.tick()
                    ctx.set(nest.frame, 0)
                    frames_gone += 1
                waited = {key: value + frames_gone for key, value in waited.items()}
                assert kind == "logits" or waited[slot] >= fields["statistics"]
                found = found_in(ctx.get(nest.tile), ctx.get(nest.interval))
                for name, value in tile_of(fields, step, slot).items():
                    assert found[name] == (value % ADDRESSES if name in ("a", "b", "out", "sets") else value), name
                assert found["slot"] == slot
                assert ctx.get(nest.is_last) == (number == len(steps) - 1)
                ctx.set(nest.step, 1)
                await ctx.tick()
                ctx.set(nest.step, 0)
                if step[4] == fields["key_blocks" if kind == "logits" else "value_tiles"] - 1:
                    slots[kind] ^= 1
                    if kind == "logits":
                        waited[slot] = 0
            assert ctx.get(nest.result) == fields["result"]

    simulator = Simulator(nest)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
