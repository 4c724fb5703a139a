"""The README's commands run, in order; in this process, which has PyTorch already."""

import re
from pathlib import Path

from tests.docs.console import console_commands, run_here

ROOT = Path(__file__).parents[1]


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    commands = console_commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(commands) > 5
    for words in commands:
        code, output = run_here(words, tmp_path)
        assert code == 0, f"{' '.join(words)}\n{output}"
        assert output, " ".join(words)


def test_every_document_the_readme_names_exists() -> None:
    named = re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert named
    assert not missing
