"""Errors: one base, one exit code each, one sentence."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitaccel import errors
from vitaccel.errors import CapacityError, VitaccelError, did_you_mean

SOURCES = Path(errors.__file__).parent
CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    assert (errors.EXIT_NO, errors.EXIT_BAD_INPUT) == (1, 2)


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_one_that_the_command_line_catches(error: type[Exception]) -> None:
    assert issubclass(error, VitaccelError)
    assert str(error("x must be y, not z")) == "x must be y, not z"


def messages() -> Iterator[str]:
    """Every message that is written where an error is raised; what is computed in it becomes ``{}``."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error") and node.args:
                parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
                texts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts]
                yield "".join(texts)


def test_every_sentence_goes_on_after_error_colon() -> None:
    """No capital but those of names, such as ONNX, PyTorch or A; no period."""
    found = [message for message in messages() if message != "{}"]
    assert len(found) > 100
    assert [text for text in found if re.match(r"[A-Z][a-z]+ ", text)] == []
    assert [text for text in found if text.endswith(".")] == []


def test_only_what_does_not_fit_is_a_no() -> None:
    codes = {c.__name__: c.exit_code for c in CLASSES}
    assert codes.pop(CapacityError.__name__) == errors.EXIT_NO
    assert len(codes) >= 6
    assert set(codes.values()) == {errors.EXIT_BAD_INPUT}


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("softmx", " (did you mean 'softmax'?)"),
        ("relu6x", " (did you mean 'relu6'?)"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_closest_known_word_is_proposed(word: str, sentence: str) -> None:
    assert did_you_mean(word, (known for known in ("relu", "relu6", "softmax"))) == sentence


def test_nothing_is_proposed_when_nothing_is_known() -> None:
    assert did_you_mean("relu", ()) == ""
