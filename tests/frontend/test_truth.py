"""Counts of the imported file equal PyTorch's own: parameters and MACs of every zoo model, to the last one.

The table holds what ``torch.utils.flop_counter`` gave for the models of the literature, recorded once, so a mistake
that the zoo and the frontend share shows too; every other expectation is counted by PyTorch while the test runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vitaccel import zoo
from vitaccel.frontend import ImportedModel, import_model
from vitaccel.ir.ops import Attention, AttentionLogits

Exported = Callable[..., Path]


@dataclass(frozen=True)
class Row:
    """One published size: parameters, MACs (routed experts), and where known MACs of attention and with all experts."""

    model: str
    parameters: int
    macs: int
    options: dict[str, Any] = field(default_factory=dict)
    attention_macs: int | None = None
    dense_macs: int | None = None

    def __str__(self) -> str:
        return "-".join([self.model, *(f"{key}:{value}" for key, value in self.options.items())])


TABLE = (
    Row("vit-tiny", 5_717_416, 1_253_683_200, attention_macs=178_831_872),
    Row("lookupvit-tiny", 9_042_704, 578_738_688, {"grid": 5}, attention_macs=36_748_800),
    Row("m3vit-tiny", 18_158_632, 782_911_488, attention_macs=76_681_728, dense_macs=2_380_744_704),
)

LARGE = (
    Row("vit-small", 22_050_664, 4_598_882_304, attention_macs=357_663_744),
    Row("deit-small", 22_051_432, 4_623_756_288, attention_macs=361_304_064),
    Row("lookupvit-small", 34_893_392, 2_182_886_400, {"grid": 5}, attention_macs=73_497_600),
    Row("m3vit-small", 46_051_496, 100_495_340_544, attention_macs=13_293_167_616),
    Row("vit-base", 86_567_656, 17_563_828_224, attention_macs=715_327_488),
    Row("vit-base", 86_859_496, 55_484_350_464, {"image_size": 384}, attention_macs=6_136_547_328),
    Row("lookupvit-base", 137_024_720, 6_671_984_640, {"grid": 3}),
    Row("lookupvit-base", 137_024_720, 8_467_408_896, {"grid": 5}),
    Row("lookupvit-base", 137_024_720, 11_178_240_000, {"grid": 7}),
    Row("lookupvit-base", 137_024_720, 17_009_258_496, {"grid": 10}),
    Row("lookupvit-base", 137_316_560, 19_712_587_776, {"grid": 5, "image_size": 384}),
    Row("lookupvit-base", 137_316_560, 29_042_405_376, {"grid": 10, "image_size": 384}),
)


def attention_macs(imported: ImportedModel) -> int:
    graph = imported.graph
    return sum(graph.macs(name) for name in graph.find(lambda node: isinstance(node.op, AttentionLogits | Attention)))


@pytest.mark.parametrize(
    "row",
    [
        *(pytest.param(r, id=str(r)) for r in TABLE),
        *(pytest.param(r, id=str(r), marks=pytest.mark.full) for r in LARGE),
    ],
)
def test_the_table_of_published_sizes(tmp_path: Path, row: Row) -> None:
    path = zoo.export(row.model, tmp_path / "model.onnx", exporter="legacy", opset=17, **row.options)
    imported = import_model(path)
    path.unlink()
    assert imported.graph.parameters == row.parameters
    assert imported.graph.total_macs == row.macs
    if row.attention_macs is not None:
        assert attention_macs(imported) == row.attention_macs
    if row.dense_macs is not None:
        assert imported.graph.total_macs_dense == row.dense_macs


def test_a_vmoe_with_its_einsum_dispatch(tmp_path: Path) -> None:
    imported = import_model(zoo.export("vmoe-small", tmp_path / "model.onnx", exporter="legacy", opset=17))
    assert imported.graph.parameters == 56_736_744
    assert imported.macs_exported == 1_697_077_248


WRITERS = [("dynamo", 18), pytest.param("dynamo", 23, marks=pytest.mark.full), ("legacy", 17)]

PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("vit-micro", {}),
    ("vit-digits", {}),
    ("lookupvit-digits", {}),
    ("vit-micro", {"cls": False, "registers": 3, "qkv": "separate"}),
    ("deit-micro", {"distilled_head": True}),
    ("lookupvit-micro", {"reuse": "pre_softmax_T", "grid": 5}),
    ("lookupvit-micro", {"reuse": "head_mean_T"}),
    ("lookupvit-micro", {}),
    ("hybrid-micro", {}),
    ("m3vit-micro", {"decoder": True, "moe_style": "gather_w", "task": 1}),
]


def truth(name: str, **options: Any) -> tuple[int, int]:
    """Parameters and MACs of the PyTorch model."""
    model = zoo.build(name, **options)
    inputs = zoo.example_inputs(name, **options)
    return zoo.count_parameters(model), zoo.count_macs(model, *inputs.values())


@pytest.mark.parametrize(("exporter", "opset"), WRITERS)
@pytest.mark.parametrize(("name", "options"), PLAIN, ids=lambda value: str(value) if isinstance(value, dict) else None)
def test_counts_equal_those_of_pytorch(
    exported: Exported, *, name: str, options: dict[str, Any], exporter: str, opset: int
) -> None:
    imported = import_model(exported(name, exporter=exporter, opset=opset, **options))
    parameters, macs = truth(name, **options)
    assert imported.graph.parameters == parameters
    assert imported.graph.total_macs == macs
    assert imported.macs_exported == macs


MOE_WRITERS = (("dynamo", 18), ("legacy", 17))
OTHER_STYLES = ("dense_list", "dense_bmm", "gather_w")
"""Those that dynamo writes, in `make test`, with later operators only: for the agreement of Graphs."""


@pytest.mark.parametrize(
    ("style", "exporter", "opset"),
    [
        *((style, *writer) for style in ("nonzero", "einsum_cap", "microsoft") for writer in MOE_WRITERS),
        *((style, "legacy", 17) for style in OTHER_STYLES),
        *(pytest.param(style, "dynamo", 18, marks=pytest.mark.full) for style in OTHER_STYLES),
    ],
)
def test_a_moe_is_counted_routed_dense_and_as_exported(
    exported: Exported, style: str, exporter: str, opset: int
) -> None:
    imported = import_model(exported("vmoe-micro", moe_style=style, exporter=exporter, opset=opset))
    parameters, as_exported = truth("vmoe-micro", moe_style=style)
    assert imported.graph.parameters == parameters
    assert imported.macs_exported == as_exported
    assert imported.graph.total_macs == truth("vmoe-micro", moe_style="nonzero")[1]
    assert imported.graph.total_macs_dense == truth("vmoe-micro", moe_style="dense_list")[1]


@pytest.mark.parametrize(("exporter", "opset"), [("dynamo", 18), ("legacy", 17)])
def test_the_gates_of_all_tasks_are_parameters(exported: Exported, exporter: str, opset: int) -> None:
    options = {"task_input": True, "moe_style": "gather_w"}
    imported = import_model(exported("m3vit-micro", exporter=exporter, opset=opset, **options))
    parameters, macs = truth("m3vit-micro", **options)
    assert (imported.graph.parameters, imported.graph.total_macs) == (parameters, macs)


def test_a_tight_capacity_bounds_the_routed_count(exported: Exported) -> None:
    tight = import_model(exported("vmoe-micro", moe_style="einsum_cap", capacity_factor=0.4)).graph
    loose = import_model(exported("vmoe-micro", moe_style="einsum_cap")).graph
    assert tight.total_macs < loose.total_macs
    assert tight.total_macs_dense == loose.total_macs_dense


@pytest.mark.parametrize(("exporter", "opset"), [("dynamo", 18), ("legacy", 17)])
def test_tokens_are_resampled_by_matmul_once(exported: Exported, exporter: str, opset: int) -> None:
    imported = import_model(exported("lookupvit-micro", resample="matmul", exporter=exporter, opset=opset))
    parameters, macs = truth("lookupvit-micro", resample="matmul")
    model = zoo.build("lookupvit-micro", resample="matmul")
    lookup, width = model.pos_embed.shape[1:]
    # The model resamples features and positions apart; the Graph resamples their sum.
    assert imported.graph.parameters == parameters
    assert imported.graph.total_macs == macs - 3 * 3 * lookup * width
