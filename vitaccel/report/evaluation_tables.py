"""An evaluation as tables, in the order a terminal is read: layers first, the summary last."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from vitaccel.evaluation.result import LOSS_DB, Evaluation, ImageGroup
from vitaccel.evaluation.softmax_modes import softmax_mode
from vitaccel.report.table import Column, Table
from vitaccel.report.units import percent


def evaluation_tables(found: Sequence[Evaluation], *, losing: bool = False) -> tuple[Table, ...]:
    """Return the tables of one evaluation, or those of several softmax modes of a model side by side.

    Parameters
    ----------
    found
        The evaluations.
    losing
        Of the layers, show only those that lose more than the limit.
    """
    if len(found) > 1:
        return (modes_table(found),)
    (one,) = found
    gates = (gates_table(one), routing_table(one)) if one.gates else ()
    return (layers_table(one, losing=losing), *gates, summary_table(one))


def summary_table(found: Evaluation) -> Table:
    """What the whole network loses."""
    first = found.first_losing
    rows = [
        ("model", found.model),
        ("data", found.data),
        ("images", f"{found.images}"),
        ("integers", f"{_formats(found)}, softmax {softmax_mode(found.numerics)}"),
        ("calibrated on", found.calibration)
        if found.quantization
        else ("float network", "that of the quantized file, its weights rounded as they are"),
    ]
    if found.float_top1 is not None and found.int_top1 is not None:
        rows += [
            ("top-1 in float", percent(found.float_top1, 2)),
            (
                "top-1 in integers",
                f"{percent(found.int_top1, 2)} ({100 * (found.int_top1 - found.float_top1):+.2f} points)",
            ),
        ]
    rows += [("top-1 agreement", percent(found.agreement, 2)), ("SQNR of the logits", f"{decibels(found.sqnr_db)} dB")]
    if found.gate_agreement is not None:
        rows.append(("gate agreement", percent(found.gate_agreement, 2)))
    losing = f"{first.name}, {first.loss_db:.1f} dB below {first.source}" if first else "none"
    rows.append((f"first to lose {LOSS_DB:g} dB", losing))
    return Table("Summary", (Column(""), Column("", elastic=True)), tuple(rows))


def layers_table(found: Evaluation, *, losing: bool = False) -> Table:
    """Every layer's SQNR and what it loses; a mark where that is more than the limit, or those layers alone."""
    shown = [layer for layer in found.layers if not losing or layer.loss_db > LOSS_DB]
    which = f"{len(shown)} of {len(found.layers)} that lose more than {LOSS_DB:g} dB" if losing else "all"
    return Table(
        f"Layers, {which}: signal to quantization noise against the float network",
        (
            Column("layer"), Column("op", spare=1), Column("SQNR dB", right=True), Column("loss dB", right=True),
            Column(""), Column("below", spare=2),
        ),
        tuple(
            (
                layer.name,
                layer.op,
                decibels(layer.sqnr_db),
                decibels(layer.loss_db) if layer.source else "",
                "<" if layer.loss_db > LOSS_DB else "",
                layer.source,
            )
            for layer in shown
        ),
    )  # fmt: skip


def gates_table(found: Evaluation) -> Table:
    """Agreement and loads of every layer of experts."""
    return Table(
        "Gates: experts chosen in integers and in float",
        (
            Column("layer"), Column("experts", right=True), Column("tokens", right=True),
            Column("same experts", right=True), Column("same choices", right=True),
            Column("load in float", elastic=True, spare=2), Column("load in integers", elastic=True, spare=1),
        ),
        tuple(
            (
                gate.name,
                f"{gate.k} of {gate.experts}",
                f"{gate.tokens}",
                percent(gate.agreement, 2),
                percent(gate.choice_agreement, 2),
                " ".join(map(str, gate.float_load)),
                " ".join(map(str, gate.int_load)),
            )
            for gate in found.gates
        ),
    )  # fmt: skip


def routing_table(found: Evaluation) -> Table:
    """What comes of gates that choose otherwise."""
    assert found.routing is not None
    groups = (
        ("integer network, images with all gates as in float", found.routing.same),
        ("integer network, the other images", found.routing.other),
        ("float network with the integer gates' choices", found.routing.rerouted),
    )
    return Table(
        "What the gates' choices do",
        (Column("", elastic=True), Column("images", right=True), Column("agreement", right=True),
         Column("SQNR dB", right=True)),
        tuple((name, *_group(group)) for name, group in groups),
    )  # fmt: skip


def modes_table(found: Sequence[Evaluation]) -> Table:
    """One row a softmax mode."""
    labelled = found[0].float_top1 is not None
    routed = bool(found[0].gates)
    columns = [Column("softmax")]
    columns += [Column("float top-1", right=True), Column("int top-1", right=True)] if labelled else []
    columns += [Column("agreement", right=True), Column("SQNR dB", right=True)]
    columns += [Column("gate agreement", right=True)] if routed else []
    rows = []
    for one in found:
        cells = [softmax_mode(one.numerics)]
        cells += [percent(top1, 2) for top1 in (one.float_top1, one.int_top1) if top1 is not None]
        cells += [percent(one.agreement, 2), decibels(one.sqnr_db)]
        cells += [percent(one.gate_agreement, 2)] if one.gate_agreement is not None else []
        rows.append(tuple(cells))
    title = f"{found[0].model}, {_formats(found[0])}, {_count(found[0].images)}: {found[0].data}"
    return Table(title, tuple(columns), tuple(rows))


def decibels(value: float) -> str:
    """Return decibels with one digit: ``38.6``, ``inf`` without noise."""
    return str(value) if isinf(value) else f"{value:.1f}"


def _group(group: ImageGroup) -> tuple[str, str, str]:
    if group.agreement is None or group.sqnr_db is None:
        return "0", "", ""
    return f"{group.images}", percent(group.agreement, 2), decibels(group.sqnr_db)


def _count(images: int) -> str:
    return f"{images} image{'' if images == 1 else 's'}"


def _formats(found: Evaluation) -> str:
    return f"W{found.numerics.weight_bits}A8"
