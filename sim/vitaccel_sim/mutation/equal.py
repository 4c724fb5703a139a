"""Mutations that change nothing: proofs by Yosys that a mutated netlist equals the original in every cycle.

Registers and signals of one name are taken to be equal and shown to be (``equiv_make``, ``equiv_induct``). Those for
which that fails are left out of the next round, in which the rest must be shown without them: a bit that nobody reads
differs and is no witness. All that is left, the outputs among it, must be proved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from vitaccel_sim.mutation.netlist import run_yosys
from vitaccel_sim.mutation.place import Mutation

ROUNDS = 4
"""How often signals are left out before a mutation counts as one that may be seen."""

READY = "memory; opt_clean"
"""Memories become registers and tables logic: both have names then."""

_PROVED = "are proven and 0 are unproven"
_UNPROVED = re.compile(r"^ *Unproven \$equiv \S+: (.*)$", re.MULTILINE)
_NAME = re.compile(r"([\\$]\S+?)(?:_gold|_gate)?(?= |$)")


def equal_mutations(original: str, mutations: Sequence[Mutation]) -> frozenset[int]:
    """Return the numbers of those mutations that are proved to change no output in any cycle.

    Parameters
    ----------
    original
        :attr:`vitaccel_sim.mutation.netlist.MutatedNetlist.original`.
    mutations
        Of that netlist.
    """
    outputs = set(re.findall(r"^  wire .*\boutput \d+ (?:signed )?(\\\S+)$", original, re.MULTILINE))
    open_ones = {mutation.number: {mutation.cell} for mutation in mutations}
    by_number = {mutation.number: mutation for mutation in mutations}
    equal: set[int] = set()
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "original.il").write_text(original)
        for _ in range(ROUNDS):
            if not open_ones:
                break
            _run(place, [by_number[number] for number in open_ones], open_ones)
            still: dict[int, set[str]] = {}
            for number, left_out in open_ones.items():
                status = (place / f"{number}.txt").read_text()
                unproved = {name for line in _UNPROVED.findall(status) for name in _NAME.findall(line)}
                if _PROVED in status:
                    equal.add(number)
                elif not unproved & outputs and not unproved <= left_out:
                    still[number] = left_out | unproved
            open_ones = still
    return frozenset(equal)


def _run(folder: Path, mutations: Sequence[Mutation], left_out: dict[int, set[str]]) -> None:
    """Leave what is proved of each mutation, and what is not, in ``<number>.txt``."""
    steps = [f"read_rtlil original.il; {READY}; rename top gold; design -stash gold"]
    for mutation in mutations:
        n = mutation.number
        (folder / f"{n}.names").write_text("\n".join(sorted(left_out[n])) + "\n")
        steps += [
            f"read_rtlil original.il; {mutation.command()}; {READY}; rename top gate; design -stash gate",
            "design -copy-from gold -as gold gold; design -copy-from gate -as gate gate",
            f"equiv_make -blacklist {n}.names gold gate equiv; hierarchy -top equiv; opt_clean",
            f"equiv_struct; equiv_simple; equiv_induct; tee -q -o {n}.txt equiv_status; design -reset",
        ]
    (folder / "prove.ys").write_text("\n".join(steps) + "\n")
    run_yosys("script prove.ys", folder)
