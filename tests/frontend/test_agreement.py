"""One network, many files: every export of a zoo model gives one Graph, and that Graph computes what the file does.

A case is a file and the reference export it must agree with: the same weights and meaning, written by the dynamo
exporter at opset 18 with a static batch. The text shows no weights, so each Graph also runs beside onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from _pytest.mark import ParameterSet

from vitaccel import zoo
from vitaccel.backends.float_graph import evaluate
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph

TOLERANCE = 1e-5
"""Largest absolute error over largest absolute value: ten times under what is promised, to tell erf from tanh GELU."""

Exported = Callable[..., Path]


@dataclass(frozen=True)
class Case:
    """One file of the matrix.

    Parameters
    ----------
    model
        Zoo name.
    exporter, opset, dynamic
        How the file is written.
    meaning
        Options that the reference shares.
    spelling
        Options that change the file and must not change the Graph.
    """

    model: str
    exporter: str
    opset: int
    dynamic: bool
    meaning: Mapping[str, Any] = field(default_factory=dict)
    spelling: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        options = [f"{key}:{value}" for key, value in {**self.meaning, **self.spelling}.items()]
        batch = "dynamic" if self.dynamic else "static"
        return "-".join([self.model, self.exporter, str(self.opset), batch, *options])

    def file(self, exported: Exported) -> Path:
        options = {**self.meaning, **self.spelling}
        how = {"exporter": self.exporter, "opset": self.opset, "dynamic_batch": self.dynamic}
        return exported(self.model, **how, **options)

    def reference(self, exported: Exported) -> Path:
        return exported(self.model, **self.meaning)

    def feeds(self, *, seed: int, batch: int = 1) -> dict[str, np.ndarray]:
        options = {**self.meaning, **self.spelling}
        inputs = zoo.example_inputs(self.model, seed=seed, batch=batch, **options)
        return {name: value.numpy() for name, value in inputs.items()}


DYNAMO = (("dynamo", 17), ("dynamo", 18), ("dynamo", 20), ("dynamo", 23))
LEGACY = (("legacy", 13), ("legacy", 17), ("legacy", 18), ("legacy", 20))
FEW = (("dynamo", 18), ("dynamo", 23), ("legacy", 13), ("legacy", 17))
STYLES = ("dense_list", "nonzero", "dense_bmm", "gather_w")
"""MoE styles that lose no token: four spellings of one meaning."""


def writable(case: Case) -> bool:
    """Whether PyTorch and ``vitaccel.zoo.export`` write such a file at all; that they say so is tested there."""
    options = {**case.meaning, **case.spelling}
    resizes = case.model in ("lookupvit-micro", "hybrid-micro") or options.get("decoder")
    if (case.exporter, case.opset) == ("dynamo", 17) and resizes:
        return False
    if case.exporter == "legacy" and options.get("resample") == "pool":
        return False
    return not (case.dynamic and options.get("moe_style") == "einsum_cap")


def spelled(
    model: str, writers: tuple[tuple[str, int], ...], *, batches: tuple[bool, ...] = (False, True), **options: Any
) -> Iterator[Case]:
    """Cases of one model; an option in capitals spells, one in lower case means."""
    meaning = {key: value for key, value in options.items() if key.islower()}
    spelling = {key.lower(): value for key, value in options.items() if key.isupper()}
    for exporter, opset in writers:
        # The fused attention call is unknown to opset 13.
        forced = {"attention": "eager"} if opset == 13 else {}
        for dynamic in batches:
            case = Case(model, exporter, opset, dynamic, meaning, {**spelling, **forced})
            if writable(case):
                yield case


def cases() -> Iterator[Case]:
    """The whole matrix, with repetitions."""
    for model in ("vit-micro", "deit-micro", "lookupvit-micro", "hybrid-micro"):
        yield from spelled(model, DYNAMO + LEGACY)
        yield from spelled(model, FEW, batches=(False,), ATTENTION="eager")
    for model in ("vit-digits", "lookupvit-digits", "m3vit-digits"):
        yield from spelled(model, (("dynamo", 18), ("legacy", 17)), batches=(False,))
    yield from spelled("vit-micro", FEW, QKV="separate")
    yield from spelled("vit-micro", FEW, batches=(False,), cls=False, gelu="tanh")
    yield from spelled("vit-micro", FEW, batches=(False,), registers=2, gelu="sigmoid")
    yield from spelled("deit-micro", FEW, batches=(False,), distilled_head=True, QKV="fused")
    for reuse in ("pre_softmax_T", "head_mean_T"):
        yield from spelled("lookupvit-micro", FEW, reuse=reuse)
    for resample in ("pool", "matmul"):
        yield from spelled("lookupvit-micro", FEW, resample=resample)
    yield from spelled("lookupvit-micro", (("dynamo", 18), ("dynamo", 23)), antialias=True)
    yield from moe_cases()


def moe_cases() -> Iterator[Case]:
    """The part of the matrix with experts."""
    for style in STYLES:
        yield from spelled("vmoe-micro", DYNAMO + LEGACY, moe_style="nonzero", MOE_STYLE=style)
    for style in ("einsum_cap", "microsoft"):
        yield from spelled("vmoe-micro", DYNAMO + LEGACY, moe_style=style)
    # A factor this low drops assignments.
    yield from spelled("vmoe-micro", FEW, moe_style="einsum_cap", capacity_factor=0.4)
    for scores in ("softmax_topk", "renorm"):
        for style in STYLES:
            yield from spelled("vmoe-micro", FEW, batches=(False,), moe_style="nonzero", scores=scores, MOE_STYLE=style)
        yield from spelled("vmoe-micro", FEW, batches=(False,), moe_style="einsum_cap", scores=scores)
    yield from spelled("vmoe-micro", FEW, batches=(False,), moe_style="microsoft", scores="softmax_topk")
    yield from spelled("vmoe-micro", FEW, batches=(False,), moe_style="nonzero", top_k=1, MOE_STYLE="gather_w")
    for style in ("nonzero", "dense_bmm"):
        yield from spelled("m3vit-micro", FEW, MOE_STYLE=style)
        yield from spelled("m3vit-micro", FEW, batches=(False,), MOE_STYLE=style, GATE="official")
        yield from spelled("m3vit-micro", FEW, batches=(False,), task_input=True, MOE_STYLE=style)
    yield from spelled("m3vit-micro", FEW, decoder=True)


def quick(case: Case) -> bool:
    """Whether a case runs in every test run: the dynamo exporter takes seconds for a file, the legacy one no time.

    The largest model, to which all that is legacy is compared too, is m3vit-micro with trained weights.
    """
    if case.model == "m3vit-digits":
        return False
    if case.exporter == "legacy":
        return True
    is_reference = (case.opset, case.dynamic) == (18, False) and not case.spelling
    is_default = set(case.meaning) <= {"moe_style"} and set(case.spelling) <= {"moe_style"}
    return is_reference or (is_default and (case.opset, case.dynamic) == (23, True))


def parameters(wanted: Iterable[Case]) -> list[ParameterSet]:
    return [pytest.param(case, id=str(case), marks=() if quick(case) else pytest.mark.full) for case in wanted]


CASES = list({str(case): case for case in cases()}.values())
BATCHED = [case for case in CASES if case.dynamic and (case.exporter, case.opset) in (("dynamo", 18), ("legacy", 17))]


def runs(case: Case) -> bool:
    """Whether onnxruntime has every operator of the file; it lacks the official gate's RandomNormalLike of opset 22."""
    return case.opset < 22 or case.spelling.get("gate") != "official"


@cache
def text_of(path: Path) -> str:
    """The Graph of a file as text: many files have one reference."""
    return str(import_model(path).graph)


def onnxruntime_answer(path: Path, feeds: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first output of the file.

    onnxruntime 1.31 lets its MoE kernel overwrite its own input when nothing reads the tokens later, and then computes
    something else; a result that is asked for is not written in place.
    """
    model = onnx.load(path)
    experts = [node for node in model.graph.node if (node.domain, node.op_type) == ("com.microsoft", "MoE")]
    model.graph.output.extend(onnx.ValueInfoProto(name=node.output[0]) for node in experts)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, dict(feeds))[0])


def difference(graph: Graph, path: Path, feeds: Mapping[str, np.ndarray]) -> float:
    """Largest absolute difference between the Graph of a file and onnxruntime, over the largest absolute value."""
    expected = onnxruntime_answer(path, feeds)
    (found,) = evaluate(graph, feeds)
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 0
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("case", parameters(CASES))
def test_every_export_gives_the_graph_of_the_reference_and_its_values(
    case: Case, exported: Exported, seed: int
) -> None:
    graph = import_model(case.file(exported)).graph
    assert str(graph) == text_of(case.reference(exported))
    if runs(case):
        assert difference(graph, case.file(exported), case.feeds(seed=seed)) < TOLERANCE


@pytest.mark.parametrize("case", parameters(BATCHED))
def test_an_open_batch_takes_the_size_it_is_given(case: Case, exported: Exported, seed: int) -> None:
    path, feeds = case.file(exported), case.feeds(seed=seed, batch=3)
    graph = import_model(path, input_shapes={"image": feeds["image"].shape}).graph
    assert difference(graph, path, feeds) < TOLERANCE
    static = exported(case.model, exporter=case.exporter, opset=case.opset, batch=3, **case.meaning)
    assert str(graph) == text_of(static)


def test_the_task_is_an_input_of_the_graph(exported: Exported, seed: int) -> None:
    path = exported("m3vit-micro", task_input=True)
    feeds = {
        name: value.numpy() for name, value in zoo.example_inputs("m3vit-micro", task_input=True, seed=seed).items()
    }
    answers = []
    for task in (0, 1):
        feeds["task"] = np.array(task)
        graph = import_model(path).graph
        assert difference(graph, path, feeds) < TOLERANCE
        answers += evaluate(graph, feeds)
    assert not np.allclose(*answers)


@pytest.mark.parametrize("batch", ["static", "dynamic"])
def test_an_export_that_lost_experts_is_refused(exported: Exported, batch: str) -> None:
    path = exported(
        "m3vit-micro", moe_style="hit_loop", exporter="legacy", opset=17, dynamic_batch=batch == "dynamic", top_k=1
    )
    with pytest.raises(UnsupportedError, match="expert"):
        import_model(path)


LARGE = ("deit-small", "lookupvit-small", "m3vit-tiny", "vmoe-small")


@pytest.mark.full
@pytest.mark.parametrize(("exporter", "opset"), [("dynamo", 18), ("dynamo", 23), ("legacy", 17)])
@pytest.mark.parametrize("model", LARGE)
def test_a_full_size_model_agrees(exported: Exported, model: str, exporter: str, opset: int, seed: int) -> None:
    case = Case(model, exporter, opset, False)
    graph = import_model(case.file(exported)).graph
    assert str(graph) == text_of(case.reference(exported))
    assert difference(graph, case.file(exported), case.feeds(seed=seed)) < TOLERANCE
