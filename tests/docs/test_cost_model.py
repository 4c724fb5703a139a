"""docs/cost-model.md: its formulas are those of the code, and what it names exists."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from vitaccel.arch import Arch, load_preset, preset_names
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.timing import timing
from vitaccel.ir.program import (
    Attention,
    Gather,
    Instruction,
    Lane,
    Layer,
    Load,
    MatMul,
    Route,
    Routed,
    ScatterAdd,
    Store,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "cost-model.md").read_text(encoding="utf-8")
FORMULAS = TEXT.split("## Cycles of an instruction")[1].split("\n## ")[0]
MANY = 200


def formulas(row: str) -> tuple[str, str]:
    """Occupied and latency of the table's row that begins so."""
    lines = [line for line in FORMULAS.splitlines() if line.startswith(f"| {row} |")]
    assert len(lines) == 1, row
    _, _, occupied, latency, _ = (cell.strip().strip("`") for cell in lines[0].split("|"))
    return occupied, latency


def definitions() -> list[tuple[str, str]]:
    block = FORMULAS.split("with\n\n```\n")[1].split("```")[0]
    return [(name.strip(), text.strip()) for name, text in (line.split("=", 1) for line in block.splitlines())]


def evaluate(row: str, instruction: Instruction, arch: Arch, queue: int = 0) -> tuple[int, int]:
    """What the document says of an instruction."""
    names: dict[str, Any] = {"ceil": ceil, "max": max, "min": min, "queue": queue}
    names |= {"P": arch.array.side, "arrays": arch.array.count, "post": arch.array.post_latency_cycles}
    names |= vars(arch.memory) | {"beat_bytes": arch.memory.beat_bytes, "frequency_hz": arch.frequency_hz}
    names |= {"numerator_passes": arch.numerics.numerator_passes} | vars(instruction)
    rate = re.search(r"`bytes_per_cycle = ([^`]*)`", TEXT)
    assert rate is not None
    names["bytes_per_cycle"] = arch.memory.beat_bytes
    if arch.memory.peak_bytes_per_s:
        names["bytes_per_cycle"] = eval(rate.group(1), {}, names)
    for name, text in definitions():
        if all(word in names for word in re.findall(r"[A-Za-z_]+", text)):
            names[name] = eval(text, {}, names)
    occupied, latency = (eval(text, {}, names) for text in formulas(row))
    return occupied, latency


@pytest.fixture
def rng(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture(params=preset_names())
def arch(request: pytest.FixtureRequest) -> Arch:
    return load_preset(request.param)


@pytest.mark.parametrize("kind", [Load, Store])
def test_transfers(arch: Arch, rng: random.Random, kind: type[Load | Store]) -> None:
    for _ in range(MANY):
        bus = rng.choice((32, 64, 128, 256, 512))
        memory = replace(arch.memory, bus_bits=bus, outstanding=rng.randint(1, 16), burst_beats=rng.randint(1, 256))
        machine = replace(arch, memory=memory)
        rows, row_bytes = rng.randint(1, 50), rng.randint(1, 20_000)
        job = kind(layer="", dram=0, buffer="weight", address=0, rows=rows, row_bytes=row_bytes)
        assert evaluate("`load`, `store`", job, machine) == timing(job, machine)


def test_matmul(arch: Arch, rng: random.Random) -> None:
    for _ in range(MANY):
        sizes = {"row_blocks": rng.randint(1, 30), "n_tiles": rng.randint(1, 99), "k": rng.randint(1, 3072)}
        product = MatMul(layer="", a=0, out=0, tokens=1, n=1, **sizes)
        assert evaluate("`matmul`", product, arch) == timing(product, arch)


def test_matmul_of_an_expert(arch: Arch, rng: random.Random) -> None:
    assert "an instruction of an expert has `ceil(queue / P)` row-blocks" in TEXT
    product = MatMul(layer="", a=0, out=0, tokens=1, n=1, row_blocks=99, n_tiles=7, k=384, expert=3)
    for queue in rng.sample(range(1, 300), 20):
        blocks = ceil(queue / arch.array.side)
        assert evaluate("`matmul`", replace(product, row_blocks=blocks), arch) == timing(product, arch, queue)
    assert timing(product, arch, 0) == (0, 0)


def attention(rng: random.Random, **fields: Any) -> Attention:
    sizes = {
        "frames": rng.randint(1, 4),
        "heads": rng.randint(1, 16),
        "head_dim": rng.randint(16, 96),
        "value_dim": rng.randint(16, 96),
        "queries": rng.randint(1, 600),
        "keys": rng.randint(1, 600),
    }
    return Attention(layer="", v=0, out=0, **(sizes | fields))


@pytest.mark.parametrize(("in_flight", "row"), [(1, "one row-block in flight"), (2, "two in flight")])
def test_attention(arch: Arch, rng: random.Random, in_flight: int, row: str) -> None:
    checked = 0
    for _ in range(MANY):
        rowed = attention(rng, in_flight=in_flight)
        logits = ceil(rowed.keys / arch.array.side) * max(rowed.head_dim, arch.array.side)
        if in_flight == 2 and arch.array.side + arch.array.post_latency_cycles > logits:
            continue
        assert evaluate(f"`attention`, {row}", rowed, arch) == timing(rowed, arch)
        checked += 1
    assert checked > MANY / 2


@pytest.mark.parametrize("mode", ["post_softmax_T", "pre_softmax_T"])
def test_attention_on_kept_logits(arch: Arch, rng: random.Random, mode: str) -> None:
    for _ in range(MANY):
        reused = attention(rng, mode=mode)
        assert evaluate("`attention`, kept logits", reused, arch) == timing(reused, arch)


def test_lanes_and_routing(arch: Arch, rng: random.Random) -> None:
    for _ in range(MANY):
        blocks, channels, tokens = rng.randint(1, 30), rng.randint(1, 3072), rng.randint(1, 900)
        stream = Lane(
            layer="",
            function="add",
            a=0,
            out=0,
            row_blocks=blocks,
            tokens=1,
            channels=channels,
            passes=rng.randint(1, 9),
        )
        route = Route(layer="", logits=0, row_blocks=blocks, tokens=tokens, experts=rng.randint(2, 64), k=2)
        assert evaluate("`lane`", stream, arch) == timing(stream, arch)
        assert evaluate("`route`", route, arch) == timing(route, arch)


@pytest.mark.parametrize("kind", [Gather, ScatterAdd])
def test_gather_and_scatter(arch: Arch, rng: random.Random, kind: type[Gather | ScatterAdd]) -> None:
    for _ in range(MANY):
        move, queue = kind(layer="", a=0, out=0, channels=rng.randint(1, 3072), expert=0), rng.randint(1, 300)
        assert evaluate("`gather`, `scatter_add`", move, arch, queue) == timing(move, arch, queue)


def test_queues_of_groups(rng: random.Random) -> None:
    """A trace of random choices: what the document says each group gets of an expert, and in all."""
    share = re.search(r"every group gets `([^`]*)`", TEXT)
    choices = re.search(r"one by one, `([^`]*)` of them to each group", TEXT)
    assert share is not None
    assert choices is not None
    for _ in range(MANY):
        groups = tuple(rng.randint(1, 40) for _ in range(rng.randint(2, 9)))
        experts, tokens = rng.randint(1, 12), sum(groups)
        k = rng.randint(1, experts)
        lengths = [0] * experts
        for _ in range(tokens):
            for expert in rng.sample(range(experts), k):
                lengths[expert] += 1
        layer = Layer("block1.moe", "moe", 0, Routed(tokens, experts, k, 0, 1, groups))
        for routing in (Routing("trace", {layer.label: tuple(lengths)}, "t.json"), Routing()):
            queues = routing.group_queues(layer)
            assert [sum(own) for own in queues] == [eval(choices.group(1), {}, {"group": g, "k": k}) for g in groups]
            for own, length in zip(zip(*queues, strict=True), routing.queue_lengths(layer), strict=True):
                assert sum(own) == length
                if routing.kind == "trace":
                    least = [eval(share.group(1), {}, {"length": length, "group": g, "tokens": tokens}) for g in groups]
                    assert all(n - low in (0, 1) for n, low in zip(own, least, strict=True))


def test_every_file_and_link_exists() -> None:
    for name in re.findall(r"`((?:cost_model|passes)/[a-z_]+\.py)`", TEXT):
        folder = "backends/" if name.startswith("cost_model") else ""
        assert (ROOT / "vitaccel" / f"{folder}{name}").exists(), name
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
