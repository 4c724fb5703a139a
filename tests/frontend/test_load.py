from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import onnx
import pytest

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.load import load

TEXT = '<ir_version: 8, opset_import: ["": 18]> g (float[1,3] x) => (float[1,3] y) { y = Relu(x) }'


@pytest.fixture
def model() -> onnx.ModelProto:
    return onnx.parser.parse_model(TEXT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def test_a_sound_file_is_read(model: onnx.ModelProto, file: Path) -> None:
    onnx.save(model, file)
    assert load(file) == model
    assert load(str(file)) == model


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx must exist$"):
        load(tmp_path / "nowhere.onnx")
    with pytest.raises(ModelError, match=r"must be an ONNX file, not a directory$"):
        load(tmp_path)
    with pytest.raises(ModelError, match=r"must be a readable file"):
        load(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(model: onnx.ModelProto, file: Path) -> None:
    onnx.save(model, file)
    file.chmod(0)
    with pytest.raises(ModelError, match=r"permission is denied$"):
        load(file)


def test_files_of_other_kinds(file: Path) -> None:
    file.write_bytes(b"")
    with pytest.raises(ModelError, match=r"but it is empty$"):
        load(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", b"weights")
    with pytest.raises(ModelError, match=r"not a PyTorch checkpoint or zip archive: export it with torch.onnx.export$"):
        load(file)
    for other in (b"\x80\x02}q\x00.", b"\x89HDF\r\n\x1a\n", b"Hello, this is text.\n", gzip.compress(b"x"), b"\0" * 99):
        file.write_bytes(other)
        with pytest.raises(ModelError, match=r"must be an? (complete )?ONNX model"):
            load(file)


def test_every_truncation_is_an_error_or_lacks_a_graph(model: onnx.ModelProto, file: Path) -> None:
    data = model.SerializeToString()
    for end in range(len(data)):
        file.write_bytes(data[:end])
        with pytest.raises((ModelError, UnsupportedError)):
            load(file)


def test_a_protobuf_without_a_graph(file: Path) -> None:
    onnx.save(onnx.ModelProto(ir_version=8), file)
    with pytest.raises(ModelError, match=r"but it holds no graph$"):
        load(file)


@pytest.mark.parametrize("version", [0, 1, 12, 99])
def test_operator_sets_out_of_range(model: onnx.ModelProto, file: Path, version: int) -> None:
    model.opset_import[0].version = version
    onnx.save(model, file)
    with pytest.raises(UnsupportedError, match=rf"opset must be 13 to \d+, not {version}: export again"):
        load(file)


def test_no_operator_set(model: onnx.ModelProto, file: Path) -> None:
    del model.opset_import[:]
    onnx.save(model, file)
    with pytest.raises(ModelError, match=r"must import the default operator set"):
        load(file)


def test_names_that_are_not_text(model: onnx.ModelProto, file: Path) -> None:
    file.write_bytes(model.SerializeToString().replace(b"Relu", b"Rel\xff"))
    with pytest.raises(ModelError, match=r"must be UTF-8"):
        load(file)
