"""The measured tables as text: softmax, GELU, LayerNorm, primitives, then ours against the others, then promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vitaccel.report.table import Column, Table
from vitaccel.report.units import percent

if TYPE_CHECKING:
    from vitaccel.reference.certificate.entry import Comparison
    from vitaccel.reference.certificate.gelu_table import GeluRow
    from vitaccel.reference.certificate.layernorm_table import LayerNormRow
    from vitaccel.reference.certificate.numerics import Numerics
    from vitaccel.reference.certificate.primitive_table import PrimitiveRow
    from vitaccel.reference.certificate.promises import Kept
    from vitaccel.reference.certificate.softmax_table import SoftmaxRow, SoftmaxTables


def numerics_tables(measured: Numerics, kept: Iterable[Kept]) -> tuple[Table, ...]:
    """Return every table that was measured; the comparisons and the promises stand last, where the eye is."""
    return tuple(_tables(measured, kept))


def _tables(measured: Numerics, kept: Iterable[Kept]) -> Iterator[Table]:
    for tables in measured.softmax:
        yield same_logits_table(tables)
        yield total_path_table(tables)
    if measured.gelu:
        yield gelu_table(measured.gelu)
    if measured.layernorm:
        yield layernorm_table(measured.layernorm)
    if measured.primitives:
        yield primitive_table(measured.primitives)
    yield comparison_table(measured.comparisons)
    yield promise_table(kept)


def same_logits_table(tables: SoftmaxTables) -> Table:
    """Every softmax on the same logits."""
    columns = (
        *(Column("method"), Column("bits", right=True), Column("worst max-abs", right=True, spare=4)),
        *(Column("mean MSE", right=True, spare=1), Column("mean KL", right=True, spare=2)),
        *(Column("mean |sum-1|", right=True, spare=3), *_pv_columns()),
    )
    rows = (
        (*_method(row), _e(e.worst_max_abs), _e(e.mean_mse), _e(e.mean_kl), _e(e.mean_sum_error), *_pv(row))
        for row in tables.same_logits
        for e in (row.errors,)
    )
    return Table(f"Softmax of the same int8 logits, {_data(tables)}", columns, tuple(rows))


def total_path_table(tables: SoftmaxTables) -> Table:
    """The whole path from real logits."""
    columns = (
        *(Column("path"), Column("bits", right=True), Column("worst max-abs", right=True, spare=2)),
        *(Column("mean KL", right=True, spare=1), *_pv_columns()),
    )
    rows = (
        (*_method(row), _e(row.errors.worst_max_abs), _e(row.errors.mean_kl), *_pv(row)) for row in tables.total_path
    )
    return Table(f"The path from real logits, {_data(tables)}", columns, tuple(rows))


def gelu_table(gelus: Iterable[GeluRow]) -> Table:
    """Every GELU on every code."""
    columns = (
        *(Column("format"), Column("GELU"), Column("max-abs before rounding", right=True, spare=2)),
        *(Column("after", right=True), Column("MSE", right=True, spare=1), Column("max LSB", right=True)),
    )
    rows = (
        (row.format, row.method, _e(row.max_abs_before), _e(row.max_abs), _e(row.mse), str(row.max_lsb))
        for row in gelus
    )
    return Table("GELU of every code on [-8, 8]", columns, tuple(rows))


def layernorm_table(norms: Iterable[LayerNormRow]) -> Table:
    """Every LayerNorm on int8 and int16 rows."""
    columns = (Column("input"), Column("LayerNorm"), Column("max-abs", right=True), Column("RMSE", right=True))
    rows = ((row.input, row.method, _e(row.max_abs), _e(row.rmse)) for row in norms)
    return Table("LayerNorm of 384 channels, errors in deviations", columns, tuple(rows))


def primitive_table(units: Iterable[PrimitiveRow]) -> Table:
    """Every primitive."""
    columns = (
        *(Column("function"), Column("primitive"), Column("bits", right=True)),
        Column("max relative error", right=True),
    )
    rows = ((row.function, row.method, str(row.output_bits), f"{row.max_relative:.2e}") for row in units)
    return Table("Primitives", columns, tuple(rows))


def comparison_table(comparisons: Iterable[Comparison]) -> Table:
    """Ours against each published row: which of ours is no worse in any measure."""
    columns = (
        *(Column("table"), Column("data", spare=1), Column("published"), Column("bits", right=True)),
        *(Column("against", right=True), Column("beaten or matched by", elastic=True)),
    )
    rows = ((c.section, c.data, c.published.name, str(c.published.bits), str(c.bits), _verdict(c)) for c in comparisons)
    return Table("Ours against the published rows, at the widest output of ours that is no wider", columns, tuple(rows))


def promise_table(kept: Iterable[Kept]) -> Table:
    """What came of the promises."""
    columns = (
        Column("promise", elastic=True),
        Column("limit", right=True),
        Column("worst", right=True),
        Column("holds"),
    )
    rows = (
        (k.promise.name, _quantity(k.promise.limit, k.promise.unit), _quantity(k.worst, k.promise.unit),
         "yes" if k.holds else "NO")
        for k in kept
    )  # fmt: skip
    return Table("Promises", columns, tuple(rows))


def _verdict(comparison: Comparison) -> str:
    names = "; ".join(candidate.name.removeprefix("vitaccel, ") for candidate in comparison.winners) or "none"
    if comparison.demanded:
        return names
    return f"{names} (ours is {'wider' if comparison.bits > comparison.published.bits else 'narrower'})"


def _quantity(value: float, unit: str) -> str:
    if unit == "%":
        return percent(value, 2)
    return f"{value:.1e}" if 0 < value < 1 else f"{value:g} {unit}"


def _data(tables: SoftmaxTables) -> str:
    return f"{tables.data}: {tables.rows:,} rows in {tables.sets} {'set' if tables.sets == 1 else 'sets'}"


def _method(row: SoftmaxRow) -> tuple[str, str]:
    return row.method, str(row.output_bits) if row.output_bits else "float"


def _pv_columns() -> tuple[Column, Column]:
    return Column("P.V mean", right=True), Column("P.V worst", right=True)


def _pv(row: SoftmaxRow) -> tuple[str, str]:
    return percent(row.errors.mean_pv, 2), percent(row.errors.worst_pv, 2)


def _e(value: float) -> str:
    return f"{value:.1e}"
