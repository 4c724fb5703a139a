"""Whole transformers: their canonical text, the operations that may be left, and the published counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel import zoo
from vitaccel.frontend import import_model

Exported = Callable[..., Path]

GOLDEN = [
    ("vit-micro", "legacy", 17, {}),
    ("lookupvit-micro", "dynamo", 20, {}),
]


@pytest.mark.parametrize(("model", "exporter", "opset", "options"), GOLDEN)
def test_the_graph_is_the_golden_text(
    exported: Exported, golden: Any, model: str, exporter: str, opset: int, options: dict[str, Any]
) -> None:
    text = str(import_model(exported(model, exporter=exporter, opset=opset, **options)).graph)
    golden(f"{model}.graph.txt", text.split("\n", 1)[1])


FORMS: list[tuple[str, dict[str, Any]]] = [
    ("vit-micro", {}),
    ("vit-micro", {"attention": "eager", "qkv": "separate", "cls": False, "gelu": "tanh"}),
    ("deit-micro", {"distilled_head": True, "gelu": "sigmoid"}),
    ("lookupvit-micro", {}),
    ("lookupvit-micro", {"reuse": "pre_softmax_T", "resample": "pool"}),
    ("lookupvit-micro", {"reuse": "head_mean_T", "antialias": True}),
]
BLOCK_OPS = {"conv2d", "to_tokens", "concat", "add", "mul", "layernorm", "linear", "activation", "attention_logits",
             "attention", "token_mix", "mean", "slice", "reshape"}  # fmt: skip


@pytest.mark.parametrize("opset", [18, 23])
@pytest.mark.parametrize(("model", "options"), FORMS)
def test_nothing_stray_is_left_in_the_blocks(
    exported: Exported, ops: Any, model: str, options: dict[str, Any], opset: int
) -> None:
    imported = import_model(exported(model, opset=opset, **options))
    graph = imported.graph
    assert set(ops(graph)) <= BLOCK_OPS
    views = graph.find(lambda node: node.op.name in ("slice", "reshape"))
    tokens = (
        2 if options.get("distilled_head") else 1 if model.startswith(("vit", "deit")) and "cls" not in options else 0
    )
    assert len(views) == 2 * tokens
    module = zoo.build(model, **options).eval()
    assert graph.total_macs == imported.macs_exported == zoo.count_macs(module, zoo.example_input(model, **options))
    assert graph.parameters == zoo.count_parameters(module)


def test_every_onnx_node_is_accounted_for(exported: Exported) -> None:
    """Nothing that computes may look unused: attention with all its reshapes, guards and scalings least of all."""
    for exporter, opset in (("dynamo", 18), ("legacy", 17)):
        unused = [fate for fate in import_model(exported("vit-micro", exporter=exporter, opset=opset)).coverage
                  if fate.fate == "not needed"]  # fmt: skip
        assert unused == []


TABLE = [
    ("vit-tiny", {}, 5_717_416, 1_253_683_200),
    ("vit-small", {}, 22_050_664, 4_598_882_304),
    ("vit-base", {}, 86_567_656, 17_563_828_224),
    ("vit-base", {"image_size": 384}, 86_859_496, 55_484_350_464),
    ("deit-small", {}, 22_051_432, 4_623_756_288),
    ("lookupvit-tiny", {}, 9_042_704, 578_738_688),
    ("lookupvit-small", {}, 34_893_392, 2_182_886_400),
    ("lookupvit-base", {"grid": 3}, 137_024_720, 6_671_984_640),
    ("lookupvit-base", {"grid": 5}, 137_024_720, 8_467_408_896),
    ("lookupvit-base", {"grid": 7}, 137_024_720, 11_178_240_000),
    ("lookupvit-base", {"grid": 10}, 137_024_720, 17_009_258_496),
    ("lookupvit-base", {"grid": 5, "image_size": 384}, 137_316_560, 19_712_587_776),
    ("lookupvit-base", {"grid": 10, "image_size": 384}, 137_316_560, 29_042_405_376),
]
"""Parameters and MACs measured in PyTorch, attention written out."""


@pytest.mark.full
@pytest.mark.parametrize(("model", "options", "parameters", "macs"), TABLE)
def test_the_file_gives_the_published_counts(
    tmp_path: Path, model: str, options: dict[str, Any], parameters: int, macs: int
) -> None:
    imported = import_model(zoo.export(model, tmp_path / "model.onnx", **options))
    assert imported.macs_exported == imported.graph.total_macs == macs
    assert imported.graph.parameters == parameters
