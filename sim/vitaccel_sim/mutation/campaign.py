"""A campaign: every mutation of a block against the trials of its bench, until one of them tells it from the block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from vitaccel.backends.rtl.catalog import block
from vitaccel_sim.model import Model
from vitaccel_sim.mutation.explained import explained, explanations
from vitaccel_sim.mutation.netlist import mutated
from vitaccel_sim.mutation.place import CONTROL, Mutation
from vitaccel_sim.mutation.trials import SLACK_CYCLES, Promise, Trial, fault, level_fault, promise_of, trials
from vitaccel_sim.traffic.case import Ports
from vitaccel_sim.traffic.catalog import TRAFFIC
from vitaccel_sim.verilate import build

VERILATOR = ("-Wno-UNOPTFLAT", "-Wno-UNDRIVEN", "--no-assert", "--x-assign", "unique")
"""A bus of which one bit is changed is cut into bits: it may look as if it depended on itself, and the name of a bit
that was changed is driven by nothing. A selection may be one of two at once, which the netlist excludes and a mutation
does not. What is read beyond the end of a table is random, and not 0."""

POWER_UPS = 4
"""Values, drawn anew, of what Verilog leaves open, with which a mutation must survive: Icarus has X there."""

Progress = Callable[[int, int], None]
"""Told how many mutations of how many have been tried."""


class CampaignError(Exception):
    """The netlist without a mutation fails: the traffic is wrong, or the netlist, and no score means anything."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a mutation.

    Parameters
    ----------
    mutation
        Itself.
    fault
        By which a bench sees it: ``wrong word``; empty for a survivor.
    trial
        The first one that it fails.
    equivalent
        Why no bench can see it; empty if nobody has shown that.
    """

    mutation: Mutation
    fault: str = ""
    trial: str = ""
    equivalent: str = ""

    @property
    def survives(self) -> bool:
        """Whether nothing was found, and nothing explained."""
        return not self.fault and not self.equivalent


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What became of all mutations of a block.

    Parameters
    ----------
    block, point
        Which.
    verdicts
        In the order of their numbers.
    """

    block: str
    point: Mapping[str, int]
    verdicts: tuple[Verdict, ...]

    @property
    def killed(self) -> int:
        """Mutations that a trial found."""
        return sum(bool(verdict.fault) for verdict in self.verdicts)

    @property
    def equivalent(self) -> int:
        """Mutations that change nothing that can be seen."""
        return sum(not verdict.fault and bool(verdict.equivalent) for verdict in self.verdicts)

    @property
    def survivors(self) -> tuple[Verdict, ...]:
        """Mutations that nothing found, and nothing explains."""
        return tuple(verdict for verdict in self.verdicts if verdict.survives)

    @property
    def score(self) -> float:
        """Share of killed mutations among those that are not equivalent; 1 where there are none."""
        count = len(self.verdicts) - self.equivalent
        return self.killed / count if count else 1.0

    @property
    def faults(self) -> Counter[str]:
        """How many were killed by what."""
        return Counter(verdict.fault for verdict in self.verdicts if verdict.fault)


def run_campaign(
    name: str,
    point: Mapping[str, int],
    *,
    count: int,
    seed: int,
    lengths: Sequence[int] = (),
    alone: Sequence[int] = (),
    only: Callable[[Trial], bool] = lambda _: True,
    progress: Progress = lambda _done, _all: None,
) -> Campaign:
    """Try so many mutations of a block.

    Parameters
    ----------
    name, point
        The block and its options.
    count
        Of mutations.
    seed
        Of their choice, of words and of profiles.
    lengths
        Of rows beside those that benches have.
    alone
        As :attr:`vitaccel_sim.mutation.blocks.Place.alone`.
    only
        Which trials are run; all when left out.
    progress
        Called now and then.

    Raises
    ------
    CampaignError
        If the netlist without a mutation fails a trial.
    """
    traffic = TRAFFIC[name]
    netlist = mutated(block(name).component(**point), count=count, seed=seed)
    model = build(netlist.verilog, options=VERILATOR, optimize="-O1")
    component = block(name).component(**point)
    listed_trials = trials(traffic, point, component, model, seed=seed, lengths=lengths, alone=alone)
    chosen = [trial for trial in listed_trials if only(trial)]
    bench = _Bench(model, chosen, promise_of(component), traffic.setup(point), seed)
    limits = bench.limits()
    verdicts = []
    listed = explanations()
    for mutation in netlist.mutations:
        found = bench.verdict(mutation, limits)
        why = "" if found.fault else explained(name, mutation, listed)
        verdicts.append(replace(found, equivalent=why))
        progress(len(verdicts), len(netlist.mutations))
    return Campaign(block=name, point=dict(point), verdicts=tuple(verdicts))


class _Bench:
    """Runs trials, each mutation in a model of its own: nothing of one is left for the next."""

    def __init__(
        self, model: Model, chosen: Sequence[Trial], promise: Promise, setup: Sequence[Ports], seed: int
    ) -> None:
        self._model, self._trials, self._promise, self._setup, self._seed = model, chosen, promise, setup, seed

    def limits(self) -> list[int]:
        """Return after how many cycles a run of each trial hangs, from those without a mutation."""
        limits = []
        model = self._begin(0, self._seed)
        for trial in self._trials:
            most = SLACK_CYCLES + 200 * (len(trial.words) + len(trial.expected))
            run = trial.run(model, most)
            found = fault(trial, run, self._promise) or level_fault(model, run)
            if found:
                raise CampaignError(
                    f"a netlist without a mutation must pass all trials, and fails {trial.name}: {found}"
                )
            limits.append(SLACK_CYCLES + 2 * run.cycles)
            self._end(trial, model)
        return limits

    def verdict(self, mutation: Mutation, limits: Sequence[int]) -> Verdict:
        """Return how a mutation fails first, if it does, whatever registers without a reset begin with."""
        found = (self._verdict(mutation, limits, self._seed + start) for start in range(POWER_UPS))
        return next((verdict for verdict in found if verdict.fault), Verdict(mutation=mutation))

    def _verdict(self, mutation: Mutation, limits: Sequence[int], seed: int) -> Verdict:
        model = self._begin(mutation.number, seed)
        for trial, limit in zip(self._trials, limits, strict=True):
            run = trial.run(model, limit)
            found = fault(trial, run, self._promise) or level_fault(model, run)
            if found:
                return Verdict(mutation=mutation, fault=found, trial=trial.name)
            self._end(trial, model)
        return Verdict(mutation=mutation)

    def _begin(self, number: int, seed: int) -> Model:
        model = self._model.another(seed=seed)
        # Control registers begin as after configuration: a reset that does nothing shows in the middle of words only.
        model.write(CONTROL, 0)
        model.reset()
        names = {name for step in self._setup for name in step}
        for step in (*self._setup, {}) if names else ():
            for name in names:
                model.write(name, step.get(name, 0))
            model.tick(1)
        model.write(CONTROL, number)
        return model

    def _end(self, trial: Trial, model: Model) -> None:
        if trial.resets:
            model.reset()
