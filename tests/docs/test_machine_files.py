"""docs/machine-files.md: every key with its range and default, and every example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.docs.console import check_examples
from tests.docs.sentences import sentences
from vitaccel.arch import Arch
from vitaccel.errors import ArchError, VitaccelError

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "machine-files.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """A line of the table of keys."""

    key: str
    unit: str
    legal: str
    default: str


def rows() -> list[Row]:
    table = TEXT.split("## Keys")[1].split("\n## ")[0]
    cells = [[c.strip(" `|") for c in line.split(" | ")] for line in table.splitlines() if line.startswith("| `")]
    return [Row(*row[:4]) for row in cells]


def values(record: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a machine by its key."""
    for part in fields(record):
        value = getattr(record, part.name)
        if is_dataclass(value):
            yield from values(value, f"{prefix}{part.name}.")
        else:
            yield f"{prefix}{part.name}", value


def accepts(key: str, text: str) -> bool:
    try:
        Arch().with_settings({key: text})
    except ArchError:
        return False
    return True


def test_every_key_is_there_and_none_is_invented() -> None:
    documented = [row.key for row in rows()]
    assert documented == [key for key, _ in values(Arch())]


def test_defaults() -> None:
    for key, value in values(Arch()):
        (row,) = [row for row in rows() if row.key == key]
        assert type(value)(float(row.default) if isinstance(value, int | float) else row.default) == value, key


def beside(text: str, *, up: bool) -> str:
    """The nearest value beyond the end of a range."""
    if re.fullmatch(r"\d+", text) and text != "0" and "." not in text:
        return str(int(text) + (1 if up else -1))
    number = float(text)
    return repr(number * (1.001 if up else 0.999) if number else (0.001 if up else -0.001))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.key)
def test_ranges(row: Row) -> None:
    legal = row.legal.removeprefix("0, or ")
    if span := re.fullmatch(r"(\S+) to (\S+)", legal):
        low, high = span.groups()
        whole = isinstance(dict(values(Arch()))[row.key], int)
        below = "-1" if low == "0" and whole else beside(low, up=False)
        assert accepts(row.key, low)
        assert accepts(row.key, high)
        assert not accepts(row.key, below)
        assert not accepts(row.key, beside(high, up=True))
        assert accepts(row.key, "0") is (low == "0" or row.legal.startswith("0, or "))
    elif row.legal == "at least 0":
        assert accepts(row.key, "0")
        assert accepts(row.key, str(2**53))
        assert not accepts(row.key, "-1")
        assert not accepts(row.key, str(2**53 + 1))
    elif row.unit == "text":
        assert not accepts(row.key, "two\nlines")
        assert accepts(row.key, "") is not row.legal.endswith("not empty")
    else:
        choices = re.split(r", | or ", row.legal)
        assert all(accepts(row.key, choice) for choice in choices)
        numbers = [str(n) for n in range(-1, 1025)]
        taken = [n for n in numbers if accepts(row.key, n)]
        assert taken == [choice for choice in choices if choice.isdigit()]


def test_the_examples_run(tmp_path: Path) -> None:
    check_examples(TEXT, tmp_path)


def test_the_sentences_about_traces_are_those_of_the_code() -> None:
    documented = re.findall(r"`(routing trace [^`]+)`", TEXT)
    known = [s for s in sentences(ROOT / "vitaccel" / "backends" / "cost_model") if s.fixed[0] == "routing trace "]
    for sentence in documented:
        assert [s for s in known if s.pattern.match(sentence)], sentence
    for sentence in known:
        assert [text for text in documented if sentence.pattern.match(text)], sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"block1.moe": [22] * 7, "other": [1]}, "must give .* and 44 in all, not 22 and 154"),
        ({"block1.moe": [22, 20, 2, 0, 0, 0, 0], "other": [1]}, ""),
        ({"block1.moe": [22, 20, 0, 0, 0, 0, 0]}, "44 tokens in all, not 42: only a layer with a capacity drops any"),
        ({"block1.moe": [1]}, "must have 7 queue lengths for block1.moe, not 1"),
        ({"block1": [1]}, "must have queue lengths for layer block1.moe"),
        ({"block1.moe": [-1]}, "must map layer names"),
    ],
)
def test_the_rules_of_traces(tmp_path: Path, content: dict[str, Any], sentence: str) -> None:
    from vitaccel.backends.cost_model.routing import parse_routing
    from vitaccel.ir.program import Layer, Routed

    path = tmp_path / "routing.json"
    path.write_text(json.dumps(content))
    layer = Layer(
        label="block1.moe", op="moe", macs=0, routed=Routed(tokens=22, experts=7, k=2, capacity=0, macs_per_row=1)
    )
    if not sentence:
        assert parse_routing(str(path)).queue_lengths(layer) == tuple(content["block1.moe"])
        return
    with pytest.raises(VitaccelError, match=sentence):
        parse_routing(str(path)).queue_lengths(layer)
