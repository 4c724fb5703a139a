"""Every block has its bench, and words that are the seed's."""

from __future__ import annotations

import cocotb
import pytest

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel.backends.rtl.generate import generate
from vitaccel.errors import BlockError
from vitaccel_sim.bench import equality
from vitaccel_sim.delivery.bench_of import STREAM_BENCH, bench_of, has_bench
from vitaccel_sim.traffic.catalog import TRAFFIC


def test_the_bench_of_a_stream_block_and_its_tests() -> None:
    bench = bench_of(generate("exp2", {}, lanes=1), 0)
    assert bench.module == STREAM_BENCH
    kind = type(cocotb.test()(equality.extremes.func))
    assert set(bench.tests) == {name for name, value in vars(equality).items() if isinstance(value, kind)}
    assert all(bench.tests.values())


def test_words_are_those_of_the_seed() -> None:
    first, again, other = (bench_of(generate("exp2", {}, lanes=1), seed).parameters for seed in (1, 1, 2))
    assert first == again != other


def test_a_block_with_other_ports_has_a_bench_of_its_own() -> None:
    bench = bench_of(generate("router", {"destinations": 3}), 0)
    assert (bench.module, bench.draws_words) == ("vitaccel_sim.bench.router", True)
    assert bench.parameters == {"destinations": 3, "width": 64}
    assert "words_under_every_pair_of_profiles" in bench.tests


def test_every_block_has_a_bench() -> None:
    assert [name for name in BLOCKS if not has_bench(name)] == []


def test_a_block_without_a_bench_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TRAFFIC, "exp2")
    with pytest.raises(BlockError, match=r"^block exp2 must have a bench to be delivered with, and it has none$"):
        bench_of(generate("exp2", {}, lanes=1), 0)
