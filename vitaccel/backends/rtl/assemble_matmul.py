"""Fields of a matmul: its operands, results with their moments, residual, and how far apart its tiles are."""

from __future__ import annotations

from functools import lru_cache

from vitaccel.arch import PARAMETER_BYTES
from vitaccel.backends.rtl.assemble_site import Site, plane, residues, spread
from vitaccel.ir.plan import TOKEN
from vitaccel.ir.program import MatMul
from vitaccel_rtl.accelerator.pace import matmul_pace


def matmul_fields(matmul: MatMul, site: Site) -> dict[str, int]:
    """Return the fields of a matmul that are its own.

    Raises
    ------
    UnsupportedError
        If a residual is added to results of a table or to results by rows; or moments are taken of results of a table,
        of results by rows or of int8.
    """
    _check_matmul(matmul, site)
    fields = _operands(matmul, site) | _results(matmul, site) | _residual(matmul, site) | _moments(matmul)
    rows, tiles = matmul.row_blocks, fields["n_tiles"]
    a = residues(matmul.a, (fields["a_step"], rows))
    b = residues(fields["b"], (fields["b_step"], tiles)) if matmul.b >= 0 else frozenset({0})
    out = residues(matmul.out, (fields["out_step"], rows), (fields["out_tile_step"], tiles))
    residual = residues(fields["residual"], (fields["residual_step"], rows), (fields["residual_tile_step"], tiles))
    return fields | _matmul_times(
        matmul.k,
        site.side,
        spread=max(spread(a, a), spread(b, b)),
        out_spread=max(spread(out, out), spread(residual, residual)),
        by_rows=matmul.drain != TOKEN,
        b_is_activation=matmul.b >= 0,
    )


@lru_cache(maxsize=1 << 10)
def _matmul_times(*shape: int, **places: int) -> dict[str, int]:
    """Return the fields of :func:`vitaccel_rtl.accelerator.pace.matmul_pace`."""
    times: dict[str, int] = matmul_pace(*shape, **places)._asdict()
    return times


def _check_matmul(matmul: MatMul, site: Site) -> None:
    of_token = matmul.expert < 0 or matmul.drain == TOKEN
    site.need(of_token, "must have token-lane results of an expert: the accelerator has no others")
    _check_moments(matmul, site)
    if matmul.residual < 0:
        return
    site.need(matmul.table < 0, "must not add a residual behind an activation: the accelerator adds it before tables")
    site.need(matmul.drain == TOKEN, "must not add a residual to results by rows: the accelerator has them by columns")


def _check_moments(matmul: MatMul, site: Site) -> None:
    if matmul.moments < 0:
        return
    site.need(matmul.drain == TOKEN, "must not take moments of results by rows: the accelerator has them by columns")
    site.need(matmul.table < 0, "must not take moments behind an activation: the accelerator takes them before tables")
    site.need(matmul.out_bytes == 2, "must not take moments of int8 results: the accelerator takes them of int16")
    site.need(matmul.expert < 0, "must not take moments of an expert's results: its rows are a queue's")


def _operands(matmul: MatMul, site: Site) -> dict[str, int]:
    fields = {
        "a": matmul.a,
        "a_step": matmul.a_step,
        "depth": matmul.k,
        "row_blocks": matmul.row_blocks,
        "n_tiles": site.turns.most(matmul.n_tiles),
    }
    if matmul.b >= 0:
        sets = max(matmul.parameters, 0)
        return fields | {"b": matmul.b, "b_step": matmul.b_step, "sets": sets, "b_is_activation": 1}
    # Tiles of K words, each followed by the sets of its P columns.
    return fields | {"b": matmul.weight, "b_step": matmul.k + PARAMETER_BYTES, "b_is_activation": 0}


def _results(matmul: MatMul, site: Site) -> dict[str, int]:
    by_rows = matmul.drain != TOKEN
    return {
        "out": matmul.out,
        "out_step": site.side if by_rows else matmul.out_step,
        "out_tile_step": matmul.out_step if by_rows else site.side,
        "out_plane": plane(matmul.out_step, matmul.out_bytes),
        "last_rows": site.last_rows(matmul.tokens, matmul.row_blocks) if by_rows else site.side,
        "by_rows": int(by_rows),
        "has_table": int(matmul.table >= 0),
        "table": max(matmul.table, 0),
        "is_wide": int(matmul.out_bytes == 2),
    }


def _residual(matmul: MatMul, site: Site) -> dict[str, int]:
    if matmul.residual < 0:
        return dict.fromkeys(("residual", "residual_step", "residual_tile_step", "residual_plane", "has_residual"), 0)
    return {
        "residual": matmul.residual,
        "residual_step": matmul.residual_step,
        "residual_tile_step": site.side,
        "residual_plane": plane(matmul.residual_step, 2),
        "has_residual": 1,
    }


def _moments(matmul: MatMul) -> dict[str, int]:
    if matmul.moments < 0:
        return dict.fromkeys(("takes_moments", "begins_moments", "moments", "moments_channels"), 0)
    return {
        "takes_moments": 1,
        "begins_moments": int(matmul.begins_moments),
        "moments": matmul.moments,
        "moments_channels": matmul.n,
    }
