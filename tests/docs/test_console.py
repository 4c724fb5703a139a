"""The reader of console examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.console import (
    Example,
    check_examples,
    console_commands,
    console_examples,
    is_printed,
    run_here,
    written_files,
)

TEXT = """
```toml m.toml
name = "m"
```
```console
$ vitaccel one --set 'a=b c'
$ vitaccel two
shown
...
error: no
```
```sh
$ vitaccel not this
```
"""


def test_commands_and_what_they_show() -> None:
    one, two = console_examples(TEXT)
    assert one == Example(["vitaccel", "one", "--set", "a=b c"], ())
    assert two == Example(["vitaccel", "two"], ("shown", "...", "error: no"))
    assert (one.exit_code, two.exit_code, Example([], ("warning: x",)).exit_code) == (0, 2, 1)
    assert console_commands(TEXT) == [one.words, two.words]
    assert written_files(TEXT) == {"m.toml": 'name = "m"\n'}


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ((), True),
        (("b", "c"), True),
        (("b", "d"), False),
        (("b", "...", "d"), True),
        (("...", "d"), True),
        (("d", "...", "b"), False),
        (("a", "...", "a"), False),
        (("x",), False),
    ],
)
def test_shown_lines_must_be_printed_in_order(shown: tuple[str, ...], found: bool) -> None:
    assert is_printed(shown, ["a", "b", "c", "d"]) is found


@pytest.mark.parametrize("shown", ["PEs", "error: no such thing"])
def test_a_false_example_fails(tmp_path: Path, shown: str) -> None:
    with pytest.raises(AssertionError):
        check_examples(f"```console\n$ vitaccel simulate --list-presets\n{shown}\n```", tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["simulate", "--list-presets"], 0, "zcu102 "),
        (["inspect", "absent.onnx"], 2, "error: "),
    ],
)
def test_a_command_here_is_what_it_is_by_itself(tmp_path: Path, words: list[str], code: int, line: str) -> None:
    apart = subprocess.run(
        [Path(sys.executable).with_name("vitaccel"), *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run_here(["vitaccel", *words], tmp_path) == (apart.returncode, apart.stdout + apart.stderr)
    assert apart.returncode == code
    assert line in apart.stdout + apart.stderr
