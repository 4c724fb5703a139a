"""What became of a block in one simulator, and how to repeat it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.cocotb_runner import BenchResult
from vitaccel_sim.code_coverage import CodeCoverage


@dataclass(frozen=True, kw_only=True)
class BlockRun:
    """What became of a block in one simulator.

    Parameters
    ----------
    name
        Of the block.
    simulator
        That it ran in.
    points
        Parameter points that ran.
    repeated
        Those that are worth to be repeated: where a test failed, if that is known.
    is_whole
        Whether these are all points that the block has.
    result
        Tests, seed and messages.
    coverage
        Functional bins: those of the bench, and those of the block's traffic if every test passed.
    code
        Lines and toggles, if they were asked for.
    """

    name: str
    simulator: str
    points: tuple[int, ...]
    repeated: tuple[int, ...]
    is_whole: bool
    result: BenchResult
    coverage: Coverage = field(compare=False)
    code: CodeCoverage | None = None

    @property
    def reproduce(self) -> str:
        """The command that repeats this run and writes its waveform."""
        is_all = self.is_whole and self.repeated == self.points
        points = "" if is_all else "".join(f" --point {place}" for place in self.repeated)
        suffix = {"verilator": "vcd", "icarus": "fst"}[self.simulator]
        return (
            f"python -m vitaccel_sim {self.name}{points} --simulator {self.simulator}"
            f" --seed {self.result.seed} --waves build/{self.name}.{suffix}"
        )

    def check(self, *, needs_bins: bool = True) -> None:
        """Raise an AssertionError that says what failed and how to repeat it, unless all passed.

        And hit every bin; what few points cannot hit is not asked for without *needs_bins*.
        """
        try:
            self.result.check()
        except AssertionError as error:
            raise AssertionError(f"{self.name} in {self.simulator}: {error}; repeat with: {self.reproduce}") from None
        if needs_bins and self.coverage.missed:
            missed = ", ".join(self.coverage.missed)
            raise AssertionError(f"{self.name}: bins without a hit: {missed}; repeat with: {self.reproduce}")
