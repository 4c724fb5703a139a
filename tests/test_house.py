"""Rules of the house that no linter knows: sizes, names, docstrings, and a test beside every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("vitaccel", "rtl/vitaccel_rtl", "hls/vitaccel_hls", "sim/vitaccel_sim")
LONGEST_FILE_LINES = 400
VAGUE_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}
SOURCE_SUFFIXES = {".py", ".h", ".hpp", ".cpp"}

TESTED_ELSEWHERE: dict[str, str] = {}
"""Modules of vitaccel/ without a test file of their stem, each with the reason. Keep it short."""


def sources(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCE_SUFFIXES and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def too_long(root: Path, *folders: str) -> list[str]:
    counted = [(len((root / path).read_text().splitlines()), path) for path in sources(root, *folders)]
    return [f"{path}: {lines} lines" for lines, path in counted if lines > LONGEST_FILE_LINES]


def vaguely_named(root: Path, *folders: str) -> list[str]:
    return [
        str(path)
        for path in sources(root, *folders)
        if any(VAGUE_NAMES & set(part.lower().split("_")) for part in (*path.parts[:-1], path.stem))
    ]


def without_docstring(root: Path, *folders: str) -> list[str]:
    public = [
        path
        for path in sources(root, *folders)
        if path.suffix == ".py" and (path.stem == "__init__" or not path.stem.startswith("_"))
    ]
    return [str(path) for path in public if not ast.get_docstring(ast.parse((root / path).read_text()))]


def without_test(root: Path, package: str, excused: dict[str, str]) -> list[str]:
    """List the modules of *package* that have no ``tests/<same folders>/test_<stem>.py`` and no excuse."""
    missing = []
    for path in sources(root, package):
        if path.suffix != ".py" or path.stem == "__init__" or str(path) in excused:
            continue
        test = Path("tests", *path.parts[1:-1], f"test_{path.stem}.py")
        if not (root / test).exists():
            missing.append(f"{path}: no {test}")
    return missing


def listing(offenders: list[str]) -> str:
    return "\n  ".join(["", *offenders])


def test_no_file_is_longer_than_400_lines() -> None:
    found = too_long(ROOT, *PACKAGES, "tests", "examples", "benchmarks")
    assert not found, f"split these, one idea per file:{listing(found)}"


def test_no_module_has_a_vague_name() -> None:
    found = vaguely_named(ROOT, *PACKAGES, "tests")
    assert not found, f"name these after what they hold:{listing(found)}"


def test_every_public_module_has_a_docstring() -> None:
    found = without_docstring(ROOT, *PACKAGES)
    assert not found, f"these need a docstring that says what they promise:{listing(found)}"


def test_every_module_has_a_test_of_its_stem() -> None:
    found = without_test(ROOT, "vitaccel", TESTED_ELSEWHERE)
    assert not found, f"{len(found)} modules have no test file and no excuse in TESTED_ELSEWHERE:{listing(found)}"


def test_no_excuse_is_stale() -> None:
    stale = [path for path in TESTED_ELSEWHERE if path not in without_test_paths()]
    assert not stale, f"take these out of TESTED_ELSEWHERE:{listing(stale)}"


def without_test_paths() -> set[str]:
    return {line.split(":")[0] for line in without_test(ROOT, "vitaccel", {})}


def test_the_rules_find_what_breaks_them(tmp_path: Path) -> None:
    package = tmp_path / "vitaccel" / "ir"
    package.mkdir(parents=True)
    (package / "shape_utils.py").write_text("x = 1\n" * (LONGEST_FILE_LINES + 1))
    (package / "graph.py").write_text('"""The graph."""\n' * LONGEST_FILE_LINES)
    (tmp_path / "tests" / "ir").mkdir(parents=True)
    (tmp_path / "tests" / "ir" / "test_graph.py").touch()
    assert too_long(tmp_path, "vitaccel") == ["vitaccel/ir/shape_utils.py: 401 lines"]
    assert vaguely_named(tmp_path, "vitaccel") == ["vitaccel/ir/shape_utils.py"]
    assert without_docstring(tmp_path, "vitaccel") == ["vitaccel/ir/shape_utils.py"]
    missing = "vitaccel/ir/shape_utils.py: no tests/ir/test_shape_utils.py"
    assert without_test(tmp_path, "vitaccel", {}) == [missing]
    assert without_test(tmp_path, "vitaccel", {"vitaccel/ir/shape_utils.py": "reason"}) == []
