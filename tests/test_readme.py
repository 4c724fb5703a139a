"""The README's commands run, in order, as a reader would type them."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def console_commands(text: str) -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:].split() for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    commands = console_commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(commands) > 5
    for words in commands:
        assert words[0] == "vitaccel"
        call = [sys.executable, "-c", "from vitaccel.cli import main; main()", *words[1:]]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"
        assert done.stdout or any(flag in words for flag in ("-o", "--html")), " ".join(words)


def test_every_document_the_readme_names_exists() -> None:
    named = re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert named
    assert not missing
