"""docs/cost-model.md: its formulas are those of the code, and what it names exists."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from math import ceil, lcm
from pathlib import Path
from typing import Any

import pytest

from vitaccel.arch import Arch, Numerics, load_preset, preset_names
from vitaccel.backends.cost_model import pipelines
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.timing import timing
from vitaccel.ir.plan import ROUTER_FRACTION_BITS
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
from vitaccel.ir.tensor import turns
from vitaccel_rtl import latency
from vitaccel_rtl.dma_cycles import read_latency, write_latency
from vitaccel_rtl.dma_timing import bursts_of_run

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


def evaluate(
    row: str, instruction: Instruction, arch: Arch, queue: int = 0, names: dict[str, Any] | None = None
) -> tuple[int, int]:
    """What the document says of an instruction."""
    names = {"ceil": ceil, "max": max, "min": min, "lcm": lcm, "queue": queue, **(names or {})}
    names |= {"P": arch.array.side, "arrays": arch.array.count} | latencies(arch, queue)
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


def latencies(arch: Arch, queue: int = 0) -> dict[str, int]:
    """The names in capitals, on a machine and for a queue."""
    lines, bits = arch.numerics.logit_fraction_bits == 8, arch.numerics.numerator_bits
    sizes = {"beat_bytes": arch.memory.beat_bytes, "word_bytes": arch.array.side, "align_bytes": arch.array.side}
    return {
        "READ": latency.BUFFER_READ,
        "ARRAY": latency.ARRAY,
        "REQUANTIZE": latency.REQUANTIZE,
        "ACTIVATION": latency.ACTIVATION,
        "STATISTICS": latency.softmax_statistics(has_lines=lines),
        "NUMERATORS": latency.softmax_numerators(has_lines=lines, bits=bits),
        "MOMENTS": latency.LAYERNORM_MOMENTS,
        "ROW_SCALE": latency.LAYERNORM_ROW_SCALE,
        "NORMALIZE": latency.LAYERNORM_NORMALIZE,
        "WRITE": pipelines.WRITE,
        "LOADED": read_latency(arch.memory.latency_cycles, **sizes),
        "STORED": write_latency(arch.memory.latency_cycles, **sizes),
        "GATHER": latency.gather(arch.array.side, latency.BUFFER_READ),
        "SCATTER_ADD": latency.scatter_add(arch.array.side, queue),
    }


def test_the_table_of_latencies() -> None:
    shown = {name: int(cycles) for name, cycles in re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", FORMULAS, re.MULTILINE)}
    of_machine = latencies(Arch())
    assert shown == {name: of_machine[name] for name in shown}
    assert set(of_machine) - set(shown) == {"GATHER", "SCATTER_ADD"}
    fine = latencies(Arch(numerics=Numerics(logit_fraction_bits=8)))
    assert {name: fine[name] - of_machine[name] for name in shown if fine[name] != of_machine[name]} == {
        "STATISTICS": 2,
        "NUMERATORS": 2,
    }
    assert latencies(Arch(numerics=Numerics(numerator_bits=16)))["NUMERATORS"] == of_machine["NUMERATORS"] - 1


@pytest.fixture
def rng(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture(params=[*preset_names(), "2x12x12", "3x5x5"])
def arch(request: pytest.FixtureRequest) -> Arch:
    name = request.param
    return load_preset(name) if name in preset_names() else Arch().with_pe(name)


def bus_times(job: Load | Store, arch: Arch) -> dict[str, int]:
    """The names of the recurrence of bursts, burst by burst: of a job that is one run."""
    memory, is_load = arch.memory, isinstance(job, Load)
    sizes = {"beat_bytes": memory.beat_bytes, "burst_beats": memory.burst_beats, "page_bytes": 4096 * memory.ports}
    bursts = list(bursts_of_run(job.dram, job.row_bytes, **sizes))
    formula = re.search(r"end\[i\] = (max\(.*)", FORMULAS)
    waits = re.search(r"another's place: (\d) when reading \((\d) where[^)]*\), (\d) when writing", FORMULAS)
    assert formula is not None
    assert waits is not None
    reading, filled, writing = (memory.latency_cycles + int(turn) for turn in waits.groups())
    whole = min(memory.burst_beats, 4096 * 8 // memory.bus_bits)
    fills = memory.outstanding * whole >= 3
    ends: dict[int, int] = {}
    code = compile(formula.group(1), "docs/cost-model.md", "eval")
    for i, b in enumerate(bursts):
        in_flight = bursts[max(0, i + 1 - memory.outstanding) : i + 1]
        wait = (filled if fills and set(in_flight) == {whole} else reading) if is_load else writing
        # Before the first burst nothing is waited for: neither the bus, nor a place.
        end = {n: ends.get(n, -wait) for n in (i - 1, i - memory.outstanding)}
        ends[i] = eval(code, {"max": max, "end": end, "i": i, "b": b, "wait": wait, **vars(memory)})
    wait = (filled if fills and set(bursts) == {whole} else reading) if is_load else writing
    return {"alone": ends[len(bursts) - 1], "bursts": len(bursts), "beats": sum(bursts), "wait": wait}


@pytest.mark.parametrize("kind", [Load, Store])
def test_transfers(arch: Arch, rng: random.Random, kind: type[Load | Store]) -> None:
    for _ in range(MANY):
        bus = rng.choice((32, 64, 128, 256, 512))
        memory = replace(arch.memory, bus_bits=bus, outstanding=rng.randint(1, 16), burst_beats=rng.randint(1, 256))
        machine = replace(arch, memory=memory)
        row_bytes = rng.randint(1, 20_000)
        job = kind(layer="", dram=rng.randint(0, 20_000), buffer="weight", address=0, row_bytes=row_bytes)
        assert evaluate(f"`{job.mnemonic}`", job, machine, names=bus_times(job, machine)) == timing(job, machine)


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
        if in_flight == 2 and pipelines.statistics_ready(arch) > logits:
            continue
        assert evaluate(f"`attention`, {row}", rowed, arch) == timing(rowed, arch)
        checked += 1
    assert checked > MANY / 2


@pytest.mark.parametrize("mode", ["post_softmax_T", "pre_softmax_T"])
def test_attention_on_kept_logits(arch: Arch, rng: random.Random, mode: str) -> None:
    for _ in range(MANY):
        reused = attention(rng, mode=mode)
        assert evaluate("`attention`, kept logits", reused, arch) == timing(reused, arch)


def stream(rng: random.Random, **fields: Any) -> Lane:
    sizes = {"row_blocks": rng.randint(1, 30), "channels": rng.randint(1, 3072), "passes": rng.randint(1, 9)}
    return Lane(**({"layer": "", "function": "add", "a": 0, "out": 0, "tokens": 1} | sizes | fields))


def test_lanes(arch: Arch, rng: random.Random) -> None:
    for _ in range(MANY):
        lane = stream(rng)
        assert evaluate("`lane`", lane, arch) == timing(lane, arch)


@pytest.mark.parametrize(("passes", "row"), [(1, "in one pass"), (2, "in two")])
def test_layernorm(arch: Arch, rng: random.Random, passes: int, row: str) -> None:
    checked = 0
    for _ in range(MANY):
        lane = stream(rng, function="layernorm", passes=passes)
        if turns(arch).most_channels(lane.channels) < pipelines.row_scale_ready(arch):
            continue
        assert evaluate(f"`lane`, layernorm {row}", lane, arch) == timing(lane, arch)
        checked += 1
    assert checked > MANY / 2


def test_routing(arch: Arch, rng: random.Random) -> None:
    """The function that the document names is the one that the code reads."""
    assert formulas("`route`")[0].startswith("latency.route`: a row-block")
    for _ in range(MANY):
        tokens, experts = rng.randint(1, 900), rng.randint(2, 64)
        route = Route(layer="", logits=0, row_blocks=1, tokens=tokens, experts=experts, k=2)
        sizes = {"tokens": tokens, "frame_tokens": tokens, "experts": experts, "most_experts": experts, "k": 2}
        cycles = latency.route(side=arch.array.side, over_chosen=False, has_lines=ROUTER_FRACTION_BITS == 8, **sizes)
        assert timing(route, arch) == (cycles, 0)


@pytest.mark.parametrize("kind", [Gather, ScatterAdd])
def test_gather_and_scatter(arch: Arch, rng: random.Random, kind: type[Gather | ScatterAdd]) -> None:
    for _ in range(MANY):
        move, queue = kind(layer="", a=0, out=0, channels=rng.randint(1, 3072), expert=0), rng.randint(1, 300)
        row = "`gather`" if kind is Gather else "`scatter_add`"
        assert evaluate(row, move, arch, queue) == timing(move, arch, queue)


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
