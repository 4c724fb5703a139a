"""``vitaccel inspect``: the Graph of a model, and for every ONNX node what it became or why it cannot be mapped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs
from vitaccel.cli.input_shapes import input_shape_option, parse_input_shapes
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import progress, show
from vitaccel.errors import UnsupportedError
from vitaccel.report.json_record import SCHEMA_VERSION
from vitaccel.report.table import Column, Table
from vitaccel.report.units import shape, si

if TYPE_CHECKING:
    from vitaccel.frontend import ImportedModel, NodeFate


@click.command(cls=JsonCommand)
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@input_shape_option
@json_option
@debug_option
def inspect(model: Path, shapes: tuple[str, ...], json_path: str | None) -> None:
    """Show what MODEL.onnx is to vitaccel: its Graph, its size, and the fate of every node."""
    from vitaccel.frontend import import_model

    check_outputs(json_files(json_path), inputs=[model])
    with progress(model.name) as say:
        imported = import_model(model, input_shapes=parse_input_shapes(shapes), progress=say, keep_unsupported=True)
    if json_path is not None:
        put_json(inspection_record(imported, model.stem), json_path)
    unsupported = [node for node in imported.coverage if not node.is_supported]
    if json_path != STANDARD_OUTPUT:
        _print(imported, model.stem, unsupported)
    if unsupported:
        raise UnsupportedError(
            f"every node of {model} must have a mapping, but {len(unsupported)} of {len(imported.coverage)} have none; "
            f"the first: {unsupported[0].fate.removeprefix('unsupported: ')}"
        )


def inspection_record(imported: ImportedModel, name: str) -> dict[str, Any]:
    """Return an imported model of that name as JSON types; counts of a Graph with unsupported nodes are ``null``."""
    supported = all(node.is_supported for node in imported.coverage)
    graph = imported.graph
    return {
        "schema_version": SCHEMA_VERSION,
        "model": name,
        "opset": imported.opset,
        "producer": imported.producer,
        "input_shapes": {name: list(sizes) for name, sizes in imported.input_shapes.items()},
        "supported": supported,
        "params": graph.parameters if supported else None,
        "macs": graph.total_macs if supported else None,
        "macs_dense": graph.total_macs_dense if supported else None,
        "macs_exported": imported.macs_exported if supported else None,
        "graph": str(graph),
        "notes": list(imported.notes),
        "nodes": [
            {"name": node.name, "op_type": node.op_type, "supported": node.is_supported, "fate": node.fate}
            for node in imported.coverage
        ],
    }


def _print(imported: ImportedModel, name: str, unsupported: list[NodeFate]) -> None:
    if unsupported:
        show([_fates("Nodes that cannot be mapped", unsupported)])
        return
    click.echo(f"{imported.graph}\n", nl=False)
    click.echo()
    show([_fates("What every ONNX node became", imported.coverage), _facts(imported, name)])
    for note in imported.notes:
        click.echo(f"note: {note}")


def _fates(title: str, nodes: Iterable[NodeFate]) -> Table:
    return Table(
        title,
        (Column("ONNX node", elastic=True), Column("operator"), Column("became", elastic=True)),
        tuple((node.name, node.op_type, node.fate) for node in nodes),
    )


def _facts(imported: ImportedModel, name: str) -> Table:
    graph = imported.graph
    macs, dense = graph.total_macs, graph.total_macs_dense
    rows = [
        ("model", name),
        ("inputs", ", ".join(f"{name} {shape(sizes)}" for name, sizes in imported.input_shapes.items())),
        ("written by", f"{imported.producer or 'unknown'}, opset {imported.opset}"),
        ("nodes", f"{len(imported.coverage)} in the file"),
        ("parameters", f"{si(graph.parameters)} ({graph.parameters:,})"),
        ("MACs", f"{si(macs)} ({macs:,}){' routed' if dense != macs else ''}"),
    ]
    if dense != macs:
        rows.append(("MACs, dense", f"{si(dense)} ({dense:,}) if every expert ran on every token"))
    if imported.macs_exported not in (macs, dense):
        rows.append(("MACs, exported", f"{si(imported.macs_exported)} ({imported.macs_exported:,}) as written"))
    return Table("Summary", (Column(""), Column("", elastic=True)), tuple(rows))
