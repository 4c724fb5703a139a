"""Run every proof of `vitaccel_sim.formal.catalog`, and print what was proved, how, and how long it took.

python benchmarks/proofs.py
"""

from __future__ import annotations

from collections.abc import Iterable

from vitaccel_sim.formal.catalog import proofs
from vitaccel_sim.formal.proof import Proof
from vitaccel_sim.formal.prove import ProofResult

METHODS = {"induction": "k-induction, k = {}", "bounded": "{} cycles from reset", "any state": "any state, cycle {}"}
HEADER = ("property", "block", "size", "method", "verdict", "s")


def row(proof: Proof, result: ProofResult) -> tuple[str, ...]:
    method = METHODS[result.method].format(result.depth)
    return (proof.family, proof.block, proof.size, method, result.verdict, f"{result.seconds:.0f}")


def table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [HEADER, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADER))]
    return "".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


if __name__ == "__main__":
    print(table(row(proof, proof.run()) for proof in proofs()), end="")
