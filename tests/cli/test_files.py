from __future__ import annotations

import os
from pathlib import Path

import pytest

from vitaccel.cli.files import check_outputs, is_stream, write_bytes, write_files, write_text
from vitaccel.errors import OutputError


def test_a_file_is_written_whole_with_usual_permissions(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    write_text(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.txt"
    path.write_text("old")

    def full(*_: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"output file .*r\.txt must be writable, but: No space left on device"):
        write_bytes(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "r.txt", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"output file .* must be writable, but: No such file or directory"):
        write_text(tmp_path / "no" / "r.txt", "x")


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link, file = tmp_path / "r.txt", tmp_path / "folder" / "r.txt"
    link.symlink_to(file)
    for text in ("first", "second"):  # the link dangles at first
        check_outputs([link])
        write_text(link, text)
        assert link.is_symlink()
        assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "r.txt"
    os.mkfifo(pipe)
    check_outputs([pipe, pipe])
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "x")
    assert os.read(reader, 2) == b"x"
    os.close(reader)
    assert is_stream(pipe)
    assert list(tmp_path.iterdir()) == [pipe]


def test_files_are_written_all_or_none(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "no" / "bad.txt"
    with pytest.raises(OutputError, match=r"output file .*bad\.txt must be writable"):
        write_files({good: b"x", bad: b"y"})
    assert list(tmp_path.iterdir()) == []
    write_files({good: b"x", tmp_path / "better.txt": b"y"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"good.txt": b"x", "better.txt": b"y"}


def test_what_cannot_be_written_is_refused_early(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="must be a file, not a directory"):
        check_outputs([tmp_path])
    with pytest.raises(OutputError, match=r"directory .*no of output file r\.txt must exist"):
        check_outputs([tmp_path / "no" / "r.txt"])
    with pytest.raises(OutputError, match="must be a file of its own, not another output"):
        check_outputs([tmp_path / "a", tmp_path / "." / "a"])
    with pytest.raises(OutputError, match="must be a file of its own, not the input"):
        check_outputs([tmp_path / "a"], inputs=[tmp_path / "a"])
    check_outputs([tmp_path / "a", tmp_path / "b"], inputs=[tmp_path / "c"])


def test_a_directory_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match=r"directory .* of output file r\.txt must be writable"):
        check_outputs([tmp_path / "r.txt"])
