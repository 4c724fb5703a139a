"""One latency, three sources: what a block declares, what its bench measures, what the cost model adds up."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.rtl.stream_bench import run
from vitaccel.arch import Arch, Numerics, PeArrays
from vitaccel.backends.cost_model import pipelines
from vitaccel.backends.cost_model.timing import timing
from vitaccel.backends.rtl.catalog import block
from vitaccel.ir.plan import has_lines
from vitaccel.ir.program import MatMul
from vitaccel.reference.exp2 import Exp2Linear
from vitaccel.reference.softmax import OnlineSoftmax
from vitaccel_sim.traffic.catalog import TRAFFIC

MACHINES = [
    Arch(array=PeArrays(side=4)),
    Arch(array=PeArrays(side=5), numerics=Numerics(logit_fraction_bits=8, numerator_bits=12)),
    Arch(array=PeArrays(side=8), numerics=Numerics(numerator_bits=16)),
]
MATMUL = MatMul(layer="", a=0, out=0, row_blocks=2, tokens=8, k=10, n=8, n_tiles=1)


def options(name: str, arch: Arch) -> dict[str, int]:
    """What the machine says of a block's options; its defaults otherwise."""
    wanted = {
        "lanes": arch.array.side,
        "side": arch.array.side,
        "fraction_bits": arch.numerics.logit_fraction_bits,
    }
    if name == "softmax-numerators":
        wanted["bits"] = arch.numerics.numerator_bits
    return block(name).choose({o.name: wanted[o.name] for o in block(name).options if o.name in wanted})


@pytest.mark.parametrize("arch", MACHINES, ids=lambda arch: f"P={arch.array.side}")
@pytest.mark.parametrize("name", pipelines.stages(Arch()))
def test_declared_is_measured_is_predicted(name: str, arch: Arch, seed: int) -> None:
    point = options(name, arch)
    component = block(name).component(**point)
    traffic = TRAFFIC[name]
    case = traffic.random(point, random.Random(seed), (arch.array.side + 1, 3))

    async def load(ctx: object) -> None:
        for step in (*traffic.setup(point), {}):
            for port in {port for step in traffic.setup(point) for port in step}:
                ctx.set(getattr(component, port), step.get(port, 0))  # type: ignore[attr-defined]
            await ctx.tick()  # type: ignore[attr-defined]

    result = run(component, case.words, len(case.expected), setup=load)
    measured = result.offered[0] - result.accepted[case.first_row - 1]
    assert measured == component.latency_cycles == pipelines.stages(arch)[name]
    assert result.words == case.expected


@pytest.mark.parametrize("cycles", [1, 9])
def test_a_block_that_declares_more_makes_instructions_longer(cycles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = timing(MATMUL, Arch())
    monkeypatch.setattr("vitaccel_rtl.latency.REQUANTIZE", pipelines.latency.REQUANTIZE + cycles)
    assert timing(MATMUL, Arch()) == before._replace(latency=before.latency + cycles)


@pytest.mark.parametrize("fraction_bits", [6, 8])
def test_powers_are_made_from_lines_where_the_spec_makes_them_so(fraction_bits: int) -> None:
    assert has_lines(fraction_bits) == isinstance(OnlineSoftmax(fraction_bits).exp2, Exp2Linear)


def test_ways_are_sums_of_their_blocks() -> None:
    arch = Arch(array=PeArrays(side=8))
    wider = replace(arch, array=PeArrays(side=9))
    for way in (pipelines.matmul_result, pipelines.attention_result, pipelines.statistics_ready):
        assert way(wider) == way(arch) + 1, "one word more drains"
    assert pipelines.chain(arch) == 0
    assert pipelines.chain(arch, "array", "array") == 2 * pipelines.chain(arch, "array")
    assert pipelines.lane_result(arch, "layernorm") > pipelines.lane_result(arch, "add") > 0
    assert pipelines.row_scale_ready(arch) > pipelines.lane_result(arch, "copy")
