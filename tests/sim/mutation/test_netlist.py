"""Mutations are numbered, each is one place, and the netlist without one is the component."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from vitaccel.backends.rtl.catalog import block
from vitaccel_sim.model import Model
from vitaccel_sim.mutation.campaign import VERILATOR
from vitaccel_sim.mutation.netlist import MutatedNetlist, NetlistError, mutated, run_yosys
from vitaccel_sim.mutation.place import CONTROL
from vitaccel_sim.verilate import build

POINT = {"width": 8}


@pytest.fixture(scope="module")
def netlist() -> MutatedNetlist:
    return mutated(block("skid-buffer").component(**POINT), count=60, seed=1)


@pytest.fixture(scope="module")
def model(netlist: MutatedNetlist) -> Model:
    return build(netlist.verilog, options=VERILATOR, optimize="-O1")


def test_mutations_are_numbered_from_one_and_all_differ(netlist: MutatedNetlist) -> None:
    assert [mutation.number for mutation in netlist.mutations] == list(range(1, 61))
    assert len({mutation.place for mutation in netlist.mutations}) == 60
    assert netlist.verilog.ports[-1].name == CONTROL
    assert netlist.verilog.ports[-1].width == 6


def test_the_same_seed_draws_the_same_and_another_does_not(netlist: MutatedNetlist) -> None:
    again = mutated(block("skid-buffer").component(**POINT), count=60, seed=1)
    assert again == netlist
    other = mutated(block("skid-buffer").component(**POINT), count=60, seed=2)
    assert {m.place for m in other.mutations} != {m.place for m in netlist.mutations}


def test_clocks_stay(netlist: MutatedNetlist) -> None:
    assert not any(mutation.port == "CLK" for mutation in netlist.mutations)


def test_fewer_are_listed_where_there_are_fewer() -> None:
    every = mutated(block("skid-buffer").component(width=1), count=100_000, seed=1)
    assert 50 < len(every.mutations) < 1000


def test_without_a_mutation_it_is_the_component(model: Model, seed: int) -> None:
    right = build(block("skid-buffer").component(**POINT))
    rng = random.Random(seed)
    words = [rng.getrandbits(8) for _ in range(500)]
    takes = [True, *(rng.random() < 0.5 for _ in range(96))]
    for one in (right, model):
        one.reset()
    model.write(CONTROL, 0)
    first, second = (one.stream(words, 500, take=takes) for one in (right, model))
    assert first.words == second.words == tuple(words)
    assert first.taken.tolist() == second.taken.tolist()


def test_a_mutation_changes_its_bit_and_no_other(netlist: MutatedNetlist, model: Model) -> None:
    chosen = next(m for m in netlist.mutations if m.place.startswith("o__payload$dffe.Q["))
    model.reset()
    model.write(CONTROL, chosen.number)
    words = list(range(256))
    changed = [word ^ got for word, got in zip(words, model.stream(words, 256).words, strict=True)]
    assert set(changed) <= {0, 1 << chosen.bit}
    assert any(changed)


def test_what_yosys_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match=r"^Yosys must accept the netlist, but says: .*no_such_command"):
        run_yosys("no_such_command", tmp_path)
