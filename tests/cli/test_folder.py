"""Output directories: made when needed, all files or none, and never over somebody else's file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.errors import OutputError

MARK = "made by us"


def test_files_are_written_into_a_new_directory_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for text in ("first", "second"):
        check_folder(folder)
        paths = write_folder(folder, {"x.v": f"// {MARK}\n{text}", "y.v": MARK}, mark=MARK)
        assert paths == (folder / "x.v", folder / "y.v")
        assert paths[0].read_text() == f"// {MARK}\n{text}"
        assert set(folder.iterdir()) == set(paths)


def test_a_file_of_somebody_else_stays(tmp_path: Path) -> None:
    theirs = tmp_path / "Makefile"
    theirs.write_text("all:\n")
    with pytest.raises(OutputError, match=r"^output file .*Makefile must be one that vitaccel wrote, to be replaced"):
        write_folder(tmp_path, {"x.v": MARK, "Makefile": MARK}, mark=MARK)
    assert theirs.read_text() == "all:\n"
    assert list(tmp_path.iterdir()) == [theirs]


def test_files_without_a_mark_are_ours_where_the_index_names_them(tmp_path: Path) -> None:
    index = f"{MARK}: `weights.bin`"
    for content in (b"\0\1", b"\2"):
        write_folder(tmp_path, {"README.md": index, "weights.bin": content}, mark=MARK, index="README.md")
        assert (tmp_path / "weights.bin").read_bytes() == content
    (tmp_path / "other.bin").write_bytes(b"theirs")
    with pytest.raises(OutputError, match=r"^output file .*other.bin must be one that vitaccel wrote"):
        write_folder(tmp_path, {"README.md": index, "other.bin": b"", "weights.bin": b""}, mark=MARK, index="README.md")
    (tmp_path / "README.md").write_text("of somebody: `weights.bin`")
    for files in ({"README.md": index}, {"weights.bin": b""}):
        with pytest.raises(OutputError, match=r"must be one that vitaccel wrote, to be replaced; it is not$"):
            write_folder(tmp_path, files, mark=MARK, index="README.md")
    assert (tmp_path / "weights.bin").read_bytes() == b"\2"


def test_files_may_be_in_folders(tmp_path: Path) -> None:
    index = f"{MARK}: `part/x.hpp`"
    for content in (b"1", b"2"):
        files = {"README.md": index, "part/x.hpp": content}
        assert write_folder(tmp_path / "out", files, mark=MARK, index="README.md")[1].read_bytes() == content
    (tmp_path / "out" / "part" / "y.hpp").write_bytes(b"theirs")
    with pytest.raises(OutputError, match=r"^output file .*part/y.hpp must be one that vitaccel wrote"):
        write_folder(tmp_path / "out", {"README.md": index, "part/y.hpp": b""}, mark=MARK, index="README.md")


def test_a_failure_leaves_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_folder(tmp_path / "a" / "b", {"c/x.v": MARK, "y.v": MARK}, mark=MARK)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(OutputError, match=r"^output directory .* must be a directory, and .*file is a file$"):
            check_folder(folder)
    (tmp_path / "x.v").mkdir()
    with pytest.raises(OutputError, match="must be a file, not a directory"):
        write_folder(tmp_path, {"x.v": MARK}, mark=MARK)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match=r"^output directory .* must be writable, and .* is not$"):
        check_folder(tmp_path / "new")
