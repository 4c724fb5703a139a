"""docs/frontend.md: its tables are those of the code, its sentences are printed by it, its examples run."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.docs.console import check_examples
from tests.docs.sentences import Sentence, sentences
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.frontend.coverage import ADVICE, FOLDED, UNNEEDED, reason
from vitaccel.frontend.importer import RECOGNIZERS
from vitaccel.frontend.infer import CONTRIBUTED
from vitaccel.frontend.load import MIN_OPSET
from vitaccel.frontend.recognize.moe.router import SUPPORTED
from vitaccel.frontend.shapes import ELEMENT_LIMIT
from vitaccel.frontend.translate import RULES
from vitaccel.ir import ops
from vitaccel.ir.ops import ACTIVATIONS, REUSES, SCORES, Foreign, Moe

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "frontend.md").read_text(encoding="utf-8")
FRONTEND = ROOT / "vitaccel" / "frontend"

HIDDEN_BY_AN_EARLIER_CHECK = ("· must have float weights, as MoE has, not block-quantised ones",)
"""Sentences that no file can reach: the operator is refused when its node is read."""


def section(title: str) -> str:
    """The text under a heading, down to the next of its rank."""
    rank = len(title.split(" ")[0])
    (part,) = re.findall(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{rank}}} |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(part)


def cells(title: str) -> list[list[str]]:
    """The rows of the tables under a heading, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    heads = {at for at, line in enumerate(lines[1:]) if set(line) <= set("|-: ")}
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for at, line in enumerate(lines)
        if at not in heads and at - 1 not in heads
    ]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


OPERATIONS = {
    op.name: op for op in vars(ops).values() if isinstance(op, type) and issubclass(op, ops.Op) and op is not ops.Op
}


def spelled(value: object) -> str:
    """An attribute as the Graph prints it."""
    if isinstance(value, tuple):
        return "x".join(str(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_operation_is_there_and_none_is_invented() -> None:
    documented = [quoted(row[0])[0] for row in cells("## The Graph")]
    assert sorted(documented) == sorted(OPERATIONS)


def test_every_attribute_is_there_with_its_default() -> None:
    for row in cells("## The Graph"):
        op = OPERATIONS[quoted(row[0])[0]]
        if op is not Foreign:
            assert quoted(row[2]) == [f"{f.name}={spelled(f.default)}" for f in fields(op)], row[0]


def test_every_operator_that_is_translated_is_there_and_none_is_invented() -> None:
    documented = [name for row in cells("## ONNX operators") for name in quoted(row[0])]
    assert sorted(documented) == sorted(RULES)


def test_lists_are_those_of_the_code() -> None:
    graph = {quoted(row[0])[0]: row for row in cells("## The Graph")}
    assert [kind for kind in quoted(graph["activation"][3]) if kind in ACTIVATIONS] == list(ACTIVATIONS)
    assert [quoted(row[0])[0] for row in cells("### LookupViT")] == list(REUSES)
    moe = {quoted(row[0])[0]: row[1] for row in cells("### Mixture of experts")}
    assert list(moe) == [f.name for f in fields(Moe)]
    assert quoted(moe["score"]) == list(SCORES)
    file = {row[0]: row[1] for row in cells("## The file")}
    assert quoted(file["operators"])[1:] == list(CONTRIBUTED)
    assert file["opset"].startswith(f"{MIN_OPSET} to ")
    order = cells("## How a file is read")[-1][1].split("in this order: ")[1]
    assert order.split(", ") == [name for name, _ in RECOGNIZERS]
    fates = [quoted(row[0])[0] for row in cells("## Ask the file") if quoted(row[0])]
    assert fates[:2] == [FOLDED, UNNEEDED]


def test_forms_of_activations_are_activations() -> None:
    assert {quoted(row[1])[0] for row in cells("### GELU and other activations")} <= set(ACTIVATIONS)


# -- sentences -----------------------------------------------------------------------------------------------------
def documented() -> list[str]:
    """Every sentence of the reference."""
    lines = section("## Sentences").splitlines()
    return [quoted(line)[0] for line in lines if line.startswith("| `")]


def told(sentence: Sentence, texts: list[str]) -> bool:
    return any(sentence.pattern.fullmatch(text) for text in texts)


def test_every_documented_sentence_is_printed_by_the_code() -> None:
    known = [s for s in sentences(FRONTEND) if s.is_telling]
    built = [reason(Foreign(name, origin="NAME"), None).replace(name, "OP", 1) for name in ("Erf", *ADVICE)]
    strange = [text for text in documented() if text not in built and not any(told(s, [text]) for s in known)]
    assert not strange
    assert set(built) <= set(documented())


@pytest.mark.parametrize("place", ["recognize", "operators", "load.py", "shapes.py"])
def test_every_sentence_of_the_code_is_documented(place: str) -> None:
    path = FRONTEND / place
    found = [s for s in sentences(path) if s.error != "ModelError" or path.suffix]
    assert found
    silent = ["·".join(s.fixed) for s in found if not told(s, documented())]
    assert [text for text in silent if text not in HIDDEN_BY_AN_EARLIER_CHECK] == []


def test_what_the_dots_stand_for() -> None:
    words = " ".join(section("### Experts").split())
    assert f'"{SUPPORTED}"' in words
    assert f"must have at most {ELEMENT_LIMIT} elements" in TEXT


def saved(folder: Path, node: onnx.NodeProto, *stored: onnx.TensorProto) -> Path:
    """A file of one node on x[1, 6, 8]."""
    graph = helper.make_graph(
        [node],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        list(stored),
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    path = folder / "one.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@pytest.mark.parametrize("operator", ["QMoE", "MultiHeadAttention", "Attention", "SkipLayerNormalization"])
def test_other_operators_of_com_microsoft_are_refused_as_documented(tmp_path: Path, operator: str) -> None:
    node = helper.make_node(operator, ["x", "x"], ["y"], name="n", domain="com.microsoft")
    with pytest.raises(UnsupportedError, match=r"in domain com.microsoft: give the model as exported"):
        import_model(saved(tmp_path, node))


def test_a_float_matrix_is_a_parameter_and_a_single_number_is_none(tmp_path: Path) -> None:
    matrix = numpy_helper.from_array(np.ones((8, 4), np.float32), "w")
    number = numpy_helper.from_array(np.array([3], np.float32), "w")
    for operator, stored, learned in (("MatMul", matrix, 32), ("Mul", number, 0)):
        path = saved(tmp_path, helper.make_node(operator, ["x", "w"], ["y"], name="n"), stored)
        assert import_model(path).graph.parameters == learned


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)
