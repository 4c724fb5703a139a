"""All tables of the comparison as one record: what ``vitaccel numerics`` measures, prints and is judged by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from vitaccel.reference.certificate.entry import Comparison, compare
from vitaccel.reference.certificate.gelu_table import GeluRow, measure_gelu
from vitaccel.reference.certificate.layernorm_table import LayerNormRow, measure_layernorm
from vitaccel.reference.certificate.primitive_table import PrimitiveRow, measure_primitives
from vitaccel.reference.certificate.rows import ROWS, Rows, settings
from vitaccel.reference.certificate.softmax_methods import NORMALIZED_ENTRIES
from vitaccel.reference.certificate.softmax_table import SoftmaxTables, measure_softmax

SECTIONS = ("softmax", "gelu", "layernorm", "primitives")
"""What may be measured alone."""

GAUSSIAN = "gaussian"
"""Name of the rows that are always measured."""


@dataclass(frozen=True)
class Numerics:
    """The tables; one that was not asked for is empty.

    Parameters
    ----------
    softmax
        On Gaussian rows, then on each recording.
    gelu, layernorm, primitives
        Their rows.
    """

    softmax: tuple[SoftmaxTables, ...] = ()
    gelu: tuple[GeluRow, ...] = ()
    layernorm: tuple[LayerNormRow, ...] = ()
    primitives: tuple[PrimitiveRow, ...] = ()

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Ours against every published row, in the order of the tables."""
        return tuple(self._comparisons())

    def _comparisons(self) -> Iterator[Comparison]:
        others = {entry.name for entry in NORMALIZED_ENTRIES}
        for tables in self.softmax:
            rows = [row.candidate() for row in tables.same_logits if row.method not in others]
            yield from compare("softmax", tables.data, rows)
        for form, gelus in groupby(self.gelu, lambda row: row.format):
            yield from compare("gelu", form, [row.candidate() for row in gelus])
        for kind, norms in groupby(self.layernorm, lambda row: row.input):
            yield from compare("layernorm", kind, [row.candidate() for row in norms])
        for function, units in groupby(self.primitives, lambda row: row.function):
            yield from compare("primitives", function, [row.candidate() for row in units])


def measure_numerics(
    sections: Collection[str] = SECTIONS,
    recordings: Mapping[str, tuple[Rows, ...]] | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Numerics:
    """Measure the tables of *sections*.

    Parameters
    ----------
    sections
        Some of :data:`SECTIONS`.
    recordings
        Sets of recorded rows by name, each measured after the Gaussian ones.
    rows
        Gaussian rows of each of the six settings; 400 in the published table.
    seed
        Chooses the Gaussian rows of softmax and LayerNorm; 0 in the published tables.
    progress
        Called with the name of each method before it is measured.
    """
    softmax: list[SoftmaxTables] = []
    if "softmax" in sections:
        softmax.append(measure_softmax(GAUSSIAN, settings(rows=rows, seed=seed), progress))
        softmax += [measure_softmax(name, sets, progress) for name, sets in (recordings or {}).items()]
    return Numerics(
        softmax=tuple(softmax),
        gelu=measure_gelu(progress) if "gelu" in sections else (),
        layernorm=measure_layernorm(seed=seed) if "layernorm" in sections else (),
        primitives=measure_primitives() if "primitives" in sections else (),
    )
