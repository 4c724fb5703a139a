from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.rtl.synthesis.fake import fake_tool
from vitaccel_rtl.synthesis.builds import STALE_S, cached
from vitaccel_rtl.synthesis.tools import LOG, YOSYS, SynthesisError
from vitaccel_rtl.synthesis.whole import is_json


def test_the_log_of_what_fails_is_kept_until_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("1")

    def run(folder: Path) -> None:
        (folder / LOG).write_text("said")
        if (tmp_path / "wrong").exists():
            raise SynthesisError("no")

    folder = tmp_path / "builds"
    with pytest.raises(SynthesisError) as error:
        cached(YOSYS, (), {}, folder, run)
    (log,) = folder.iterdir()
    assert str(error.value) == f"no; its log is {log}"
    assert log.read_text() == "said"
    (tmp_path / "wrong").unlink()
    made = cached(YOSYS, (), {}, folder, run)
    assert list(folder.iterdir()) == [made]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_ends_the_tool_and_leaves_its_log(
    end: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "print('step', os.getpid(), flush=True)\ntime.sleep(60)"
    tool = fake_tool(monkeypatch, tmp_path / "wheels", body, step=r"(step \d+)")
    said: list[str] = []

    def interrupt(step: str) -> None:
        said.append(step)
        raise end

    folder = tmp_path / "builds"
    with pytest.raises(end) as raised:
        cached(tool, (), {}, folder, say=interrupt)
    (log,) = folder.iterdir()
    assert raised.value.__notes__ == [f"Fake had not ended; its log is {log}"]
    assert said == [f"Fake: {log.read_text().strip()}"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(said[0].split()[-1]), 0)


CUT = "pathlib.Path('made.json').write_text('[1, 2' if os.path.exists('{full}') else '[1, 2]')\nreturn 0"


def test_half_a_result_is_none_although_the_tool_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full, folder = tmp_path / "full", tmp_path / "builds"
    full.touch()
    tool = fake_tool(monkeypatch, tmp_path / "wheels", CUT.format(full=full))
    with pytest.raises(SynthesisError) as error:
        cached(tool, (), {}, folder, results={"made.json": is_json})
    (log,) = folder.iterdir()
    sentence = f"Fake must write made.json whole, and has not; the disk may have been full; its log is {log}"
    assert str(error.value) == sentence
    full.unlink()
    made = cached(tool, (), {}, folder, results={"made.json": is_json})
    assert (made / "made.json").read_text() == "[1, 2]"
    assert list(folder.iterdir()) == [made]


def test_a_kept_result_that_is_broken_is_made_again(tmp_path: Path) -> None:
    def run(folder: Path) -> None:
        (folder / "made.json").write_text("[1]")

    made = cached(YOSYS, (), {}, tmp_path, run)
    (made / "made.json").write_text("[")
    assert cached(YOSYS, (), {}, tmp_path, run, results={"made.json": is_json}) == made
    assert (made / "made.json").read_text() == "[1]"


@pytest.mark.parametrize(("said", "is_whole"), [("all. Done.", True), ("al", False)])
def test_a_log_without_the_last_words_says_that_files_were_cut_off(
    said: str, is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = fake_tool(monkeypatch, tmp_path / "wheels", f"print({said!r})\nreturn 0", last_words=b"Done.")
    if is_whole:
        assert (cached(tool, (), {}, tmp_path / "builds") / LOG).exists()
        return
    with pytest.raises(
        SynthesisError, match=rf"^Fake must write {LOG} whole, and has not; the disk may have been full; "
    ):
        cached(tool, (), {}, tmp_path / "builds")


def test_what_fails_on_a_full_disk_says_that_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: Path) -> None:
        raise SynthesisError("no")

    for free, said in ((0, "no; the disk is full"), (1 << 30, "no")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(SynthesisError, match=f"^{said}$"):
            cached(YOSYS, (), {}, tmp_path, run)


def test_sources_that_cannot_be_written_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SynthesisError) as error:
        cached(YOSYS, (), {"source": "a"}, tmp_path / "builds", lambda _: None)
    assert str(error.value) == f"{tmp_path / 'builds'} must be writable, and is not: no space left on device"
    assert list((tmp_path / "builds").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(SynthesisError, match=rf"^{tmp_path / 'file' / 'builds'} must be writable, and is not: not a "):
        cached(YOSYS, (), {}, tmp_path / "file" / "builds", lambda _: None)


def test_the_same_is_made_once(tmp_path: Path) -> None:
    runs = []

    def run(folder: Path) -> None:
        runs.append(folder)
        (folder / "made").write_text((folder / "source").read_text().upper())

    first = cached(YOSYS, ("-x",), {"source": "a"}, tmp_path, run)
    assert cached(YOSYS, ("-x",), {"source": "a"}, tmp_path, run) == first
    assert len(runs) == 1
    assert (first / "made").read_text() == "A"
    others = {
        cached(YOSYS, ("-y",), {"source": "a"}, tmp_path, run),
        cached(YOSYS, ("-x",), {"source": "b"}, tmp_path, run),
    }
    assert len(others | {first}) == 3


def test_a_run_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def run(folder: Path) -> None:
        (folder / "half").write_text("of it")
        raise SynthesisError("no")

    with pytest.raises(SynthesisError):
        cached(YOSYS, (), {}, tmp_path, run)
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_a_day_ago_by_a_run_that_was_killed_is_cleared_away(tmp_path: Path) -> None:
    old, new = tmp_path / "making-old", tmp_path / "making-new"
    for folder in (old, new):
        (folder / "build").mkdir(parents=True)
    begin = time.time() - STALE_S - 10
    os.utime(old, (begin, begin))
    made = cached(YOSYS, (), {}, tmp_path, lambda _: None)
    assert set(tmp_path.iterdir()) == {new, made}
