"""The reader of console examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import (
    Example,
    check_examples,
    console_commands,
    console_examples,
    is_printed,
    run,
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


def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    assert run(["vitaccel", "simulate", "--list-presets"], tmp_path).returncode == 0
    assert run(["vitaccel", "inspect", "absent.onnx"], tmp_path).returncode == 2


@pytest.mark.parametrize("words", [["simulate", "--list-presets"], ["inspect", "absent.onnx"]])
def test_both_ways_to_run_agree(tmp_path: Path, words: list[str]) -> None:
    apart = run(["vitaccel", *words], tmp_path)
    assert run_here(["vitaccel", *words], tmp_path) == (apart.returncode, apart.stdout + apart.stderr)
