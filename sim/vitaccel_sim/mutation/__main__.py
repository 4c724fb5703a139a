"""Mutate blocks and print the score of their benches: ``python -m vitaccel_sim.mutation gelu topk --mutants 300``.

Without names all blocks are mutated. The exit code is 1 if a group that has a score to keep does not, 2 if there is no
such block.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import click

from vitaccel_sim.mutation.blocks import GROUPS, LEAST_SCORE, PLACES
from vitaccel_sim.mutation.campaign import Campaign, Progress, run_campaign


def head() -> str:
    """Return the titles of :func:`line`."""
    return f"{'block':22}{'mutants':>8}{'killed':>8}{'explained':>11}{'survive':>9}{'score':>8}  killed by"


def line(name: str, campaigns: Sequence[Campaign]) -> str:
    """Return the counts of campaigns together."""
    mutants = sum(len(campaign.verdicts) for campaign in campaigns)
    killed = sum(campaign.killed for campaign in campaigns)
    explained = sum(campaign.equivalent for campaign in campaigns)
    survive = sum(len(campaign.survivors) for campaign in campaigns)
    faults = sum((campaign.faults for campaign in campaigns), start=type(campaigns[0].faults)())
    told = ", ".join(f"{fault} {count}" for fault, count in faults.most_common())
    return f"{name:22}{mutants:8}{killed:8}{explained:11}{survive:9}{score(campaigns):8.1%}  {told}"


def score(campaigns: Iterable[Campaign]) -> float:
    """Return the share of killed mutations of all campaigns together."""
    counts = [(campaign.killed, len(campaign.survivors)) for campaign in campaigns]
    killed, survive = (sum(column) for column in zip(*counts, strict=True))
    return killed / (killed + survive) if killed + survive else 1.0


def record(campaign: Campaign) -> dict[str, object]:
    """Return a campaign as JSON types."""
    return {
        "block": campaign.block,
        "point": dict(campaign.point),
        "mutants": len(campaign.verdicts),
        "killed": campaign.killed,
        "faults": dict(campaign.faults),
        "explained": {v.mutation.place: v.equivalent for v in campaign.verdicts if v.equivalent and not v.fault},
        "survivors": [str(verdict.mutation) for verdict in campaign.survivors],
        "score": campaign.score,
    }


@click.command()
@click.argument("names", nargs=-1)
@click.option("--mutants", type=click.IntRange(min=1), default=300, show_default=True, help="Of a block, at most.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of mutations, words and profiles.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a block.")
def main(names: tuple[str, ...], mutants: int, seed: int, as_json: bool) -> None:
    """Mutate blocks (all, or those named) and print the score of their benches, and what survives."""
    unknown = [name for name in names if name not in PLACES]
    if unknown:
        raise click.UsageError(f"a block must be one of {', '.join(PLACES)}, not {unknown[0]}")
    if not as_json:
        click.echo(head())
    done: dict[str, Campaign] = {}
    for name in names or PLACES:
        place = PLACES[name]
        done[name] = run_campaign(
            name,
            place.point,
            count=mutants,
            seed=seed,
            lengths=place.lengths,
            alone=place.alone,
            progress=_progress(name),
        )
        click.echo(json.dumps(record(done[name])) if as_json else line(name, [done[name]]))
        for verdict in () if as_json else done[name].survivors:
            click.echo(f"  survives: {verdict.mutation}")
    whole = {group: [done[name] for name in members] for group, members in GROUPS.items() if set(members) <= set(done)}
    if not as_json and len(done) > 1:
        for group, campaigns in whole.items():
            click.echo(line(f"all of {group}", campaigns))
    sys.exit(1 if any(score(campaigns) < LEAST_SCORE for campaigns in whole.values()) else 0)


def _progress(name: str) -> Progress:
    """Return what tells every hundredth mutation, on a terminal only."""

    def tell(done: int, count: int) -> None:
        if sys.stderr.isatty() and (done % 100 == 0 or done == count):
            click.echo(f"{name}: {done} of {count}", err=True)

    return tell


if __name__ == "__main__":
    main()
