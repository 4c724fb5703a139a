from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vitaccel import zoo
from vitaccel.errors import ModelError
from vitaccel.frontend import import_model
from vitaccel.frontend.importer import RECOGNIZERS

Exported = Callable[..., Path]


def test_an_imported_model_knows_its_origin(exported: Exported) -> None:
    model = import_model(exported("vit-micro"))
    assert model.opset == 18
    assert model.producer.startswith("pytorch")
    assert list(model.input_shapes) == ["image"]
    truth = zoo.build("vit-micro")
    assert model.graph.parameters == zoo.count_parameters(truth)
    assert model.macs_exported == zoo.count_macs(truth, zoo.example_input("vit-micro"))
    assert model.graph.total_macs == model.macs_exported


def test_progress_names_every_step(exported: Exported) -> None:
    steps: list[str] = []
    import_model(exported("vit-micro"), progress=steps.append)
    assert steps == ["load", "normalize", "translate", *(name for name, _ in RECOGNIZERS)]


def test_a_batch_is_as_given(exported: Exported) -> None:
    file = exported("vit-micro", dynamic_batch=True)
    one, three = import_model(file), import_model(file, input_shapes={"": (3, *image_of(file)[1:])})
    assert three.graph.total_macs == 3 * one.graph.total_macs
    assert three.graph.parameters == one.graph.parameters
    with pytest.raises(ModelError, match=r"axis 0 of input 'image' must be 1 as exported, not 3$"):
        import_model(exported("vit-micro"), input_shapes={"image": (3, *image_of(file)[1:])})


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("external", [False, True])
def test_halves_and_external_data_give_the_same_graph(exported: Exported, precision: str, external: bool) -> None:
    half = import_model(exported("vit-micro", precision=precision, external_data=external)).graph
    single = import_model(exported("vit-micro")).graph
    # The scale of attention is rounded to halves in the file.
    assert re.sub(r"scale=\S+", "", str(half)) == re.sub(r"scale=\S+", "", str(single))
    assert half.parameters == single.parameters


def test_missing_external_data(exported: Exported, tmp_path: Path) -> None:
    file = exported("deit-micro", external_data=True)
    (tmp_path / "alone.onnx").write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"deit-micro\.onnx\.data must exist: the model keeps the data of '.*' there$"):
        import_model(tmp_path / "alone.onnx")


def test_importing_needs_no_pytorch(exported: Exported) -> None:
    file = exported("vit-micro")
    code = f"from vitaccel.frontend import import_model; import_model({str(file)!r})"
    subprocess.run([sys.executable, "-c", f"import sys; {code}; sys.exit('torch' in sys.modules)"], check=True)


def image_of(file: Path) -> tuple[int, ...]:
    return import_model(file).input_shapes["image"]
