from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vitaccel.cli.arrays import archive, feeds, named_file, npy, packed, read_arrays
from vitaccel.errors import ModelError, OutputError


def test_an_array_without_a_name_goes_to_the_only_free_input() -> None:
    x, y = np.zeros(1), np.ones(1)
    assert feeds([("", x)], ["a"]) == {"a": x}
    assert feeds([("a", x), ("", y)], ["a", "b"]) == {"a": x, "b": y}
    with pytest.raises(ModelError, match=r"--input must name its input, one of a, b: --input a=x\.npy"):
        feeds([("", x)], ["a", "b"])
    with pytest.raises(ModelError, match="--input must give input 'a' once"):
        feeds([("a", x), ("a", y)], ["a"])


def test_a_name_is_that_of_the_flag_or_of_the_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(2))
    np.savez(tmp_path / "x.npz", a=np.zeros(2), b=np.zeros(3))
    assert [name for name, _ in read_arrays(tmp_path / "x.npy", "image")] == ["image"]
    assert [name for name, _ in read_arrays(tmp_path / "x.npz", "")] == ["a", "b"]


def test_a_file_may_have_an_equals_sign(tmp_path: Path) -> None:
    path = tmp_path / "a=b.npy"
    assert named_file(str(path))[0] != ""
    path.touch()
    assert named_file(str(path)) == ("", path)
    assert named_file("image=x.npy") == ("image", Path("x.npy"))


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1j]), np.array([b"x"])])
def test_what_is_no_number_is_refused(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ModelError, match=r"must be a \.npy or \.npz file of numbers, not of"):
        read_arrays(tmp_path / "x.npy", "")


def test_several_outputs_need_an_archive() -> None:
    with pytest.raises(OutputError, match=r"must end in \.npz for the 2 outputs"):
        packed(Path("y.npy"), [np.zeros(1), np.zeros(2)])


def test_what_is_written_is_read(tmp_path: Path, seed: int) -> None:
    array = np.random.default_rng(seed).standard_normal((3, 4))
    (tmp_path / "a.npy").write_bytes(npy(array))
    (tmp_path / "b.npz").write_bytes(archive({"x": array}))
    ((_, first),) = read_arrays(tmp_path / "a.npy", "")
    ((name, second),) = read_arrays(tmp_path / "b.npz", "")
    assert name == "x"
    np.testing.assert_array_equal(first, array)
    np.testing.assert_array_equal(second, array)
    assert archive({"x": array}) == archive({"x": array})
