import inspect
import os
import re
import stat

import numpy as np
import onnx
import pytest
import torch

from vitaccel import zoo
from vitaccel.errors import OutputError, UnsupportedError, VitaccelError

MOE = ("dense_list", "dense_bmm", "nonzero", "gather_w", "einsum_cap", "microsoft")
MODELS = [
    ("vit-micro", {}),
    ("vit-micro", {"attention": "eager", "cls": False, "registers": 3, "qkv": "separate", "gelu": "tanh"}),
    ("vit-micro", {"gelu": "sigmoid"}),
    ("deit-micro", {}),
    ("deit-micro", {"distilled_head": True, "qkv": "fused"}),
    ("lookupvit-micro", {}),
    ("lookupvit-micro", {"reuse": "pre_softmax_T", "attention": "eager"}),
    ("lookupvit-micro", {"reuse": "head_mean_T", "resample": "matmul"}),
    ("lookupvit-micro", {"grid": 7}),
    ("hybrid-micro", {}),
    ("m3vit-micro", {"decoder": True, "task": 1}),
    ("m3vit-micro", {"task_input": True}),
    ("m3vit-micro", {"gate": "official"}),
    ("m3vit-micro", {"scores": "renorm", "gate": "official"}),
    ("m3vit-micro", {"scores": "softmax_topk", "moe_style": "microsoft", "gelu": "tanh"}),
    *(("m3vit-micro", {"moe_style": style}) for style in MOE),
    ("vmoe-micro", {}),
]
DYNAMO_ONLY = [("lookupvit-micro", {"antialias": True}), ("lookupvit-micro", {"resample": "pool"})]

# What runs on every push. One dynamo export takes seconds, so it gets one model of each kind and one of each opset,
# most of them files that other tests read too.
DYNAMO = [
    *(("vit-micro", {}, opset, opset in (20, 23)) for opset in (17, 18, 20, 23, 24)),
    ("deit-micro", {"distilled_head": True}, 18, False),
    ("lookupvit-micro", {"antialias": True}, 18, False),
    ("lookupvit-micro", {"reuse": "head_mean_T", "resample": "pool"}, 18, False),
    ("lookupvit-micro", {}, 23, True),
    ("hybrid-micro", {}, 18, False),
    ("m3vit-micro", {"task_input": True}, 18, False),
    ("m3vit-micro", {"moe_style": "dense_bmm"}, 23, True),
    ("m3vit-micro", {"moe_style": "gather_w", "gate": "official"}, 18, False),
    ("vmoe-micro", {"moe_style": "nonzero", "scores": "renorm"}, 18, False),
    ("vmoe-micro", {"moe_style": "dense_list"}, 23, True),
    ("vmoe-micro", {"moe_style": "microsoft", "scores": "softmax_topk"}, 18, False),
    ("vmoe-micro", {}, 18, False),
]
FIXED_BATCH = [("m3vit-micro", {"moe_style": "einsum_cap"}), ("vmoe-micro", {})]
LEGACY = [(name, options, 17, False) for name, options in MODELS]
LEGACY += [(name, options, 17, True) for name, options in MODELS if (name, options) not in FIXED_BATCH]
LEGACY += [("vit-micro", {"attention": "eager"}, opset, False) for opset in (13, 14, 16, 18, 20)]
LEGACY += [("m3vit-micro", {"attention": "eager"}, opset, False) for opset in (13, 20)]


def agrees(name, options, opset, dynamic, exporter, exported, run_onnx):
    path = exported(name, exporter=exporter, opset=opset, dynamic_batch=dynamic, **options)
    written = onnx.load(path)
    assert {entry.domain: entry.version for entry in written.opset_import}[""] == opset
    assert [output.name for output in written.graph.output] == ["logits"]
    model = zoo.build(name, **options)
    for batch in (1, 3) if dynamic else (1,):
        inputs = zoo.example_inputs(name, batch=batch, seed=7, **options)
        if "task" in inputs:
            inputs["task"] = torch.tensor(1)
        want = model(*inputs.values()).numpy()
        got = run_onnx(path, inputs)
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()


@pytest.mark.parametrize(("name", "options", "opset", "dynamic"), LEGACY)
def test_the_legacy_export_computes_the_model(name, options, opset, dynamic, exported, run_onnx):
    agrees(name, options, opset, dynamic, "legacy", exported, run_onnx)


@pytest.mark.parametrize(("name", "options", "opset", "dynamic"), DYNAMO)
def test_the_dynamo_export_computes_the_model(name, options, opset, dynamic, exported, run_onnx):
    agrees(name, options, opset, dynamic, "dynamo", exported, run_onnx)


@pytest.mark.full
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("opset", [18, 20, 23])
@pytest.mark.parametrize(("name", "options"), [*MODELS, *DYNAMO_ONLY])
def test_every_dynamo_export_computes_the_model(name, options, opset, dynamic, exported, run_onnx):
    if dynamic and (name, options) in FIXED_BATCH:
        pytest.skip("its capacity fixes the batch")
    if opset == 23 and options.get("gate") == "official":
        pytest.skip("onnxruntime 1.31 has no RandomNormalLike of opset 22")
    agrees(name, options, opset, dynamic, "dynamo", exported, run_onnx)


def compared_experts(path):
    """Return, for each layer that is one, the constants that expert indices are compared with."""
    model = onnx.load(path)
    constants = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    constants |= {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        layer = re.search(r"blocks\.(\d+)/mlp/Equal", node.name)
        if layer and node.input[1] in constants:
            found.setdefault(int(layer[1]), set()).add(int(onnx.numpy_helper.to_array(constants[node.input[1]])))
    return found


def test_a_traced_loop_over_hit_experts_loses_the_others(tmp_path, run_onnx):
    whole = zoo.export("m3vit-micro", tmp_path / "whole.onnx", exporter="legacy", moe_style="nonzero")
    lossy = zoo.export("m3vit-micro", tmp_path / "lossy.onnx", exporter="legacy", moe_style="hit_loop")
    assert compared_experts(whole) == {1: set(range(7)), 3: set(range(7))}
    assert compared_experts(lossy) == {1: set(range(7)), 3: set(range(7)) - {1}}
    model, errors = zoo.build("m3vit-micro"), []
    for seed in range(20):
        inputs = zoo.example_inputs("m3vit-micro", seed=seed)
        errors.append(float(np.abs(run_onnx(lossy, inputs) - model(inputs["image"]).numpy()).max()))
    assert errors[0] < 1e-5
    assert max(errors) > 1e-3


def test_files_have_the_permissions_of_new_ones_or_of_those_they_replace(tmp_path):
    def modes():
        return [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("m.onnx", "m.onnx.data")]

    how = {"exporter": "legacy", "opset": 18, "external_data": True}
    before = os.umask(0o027)
    try:
        zoo.export("vit-micro", tmp_path / "m.onnx", **how)
        assert modes() == [0o640, 0o640]
        (tmp_path / "m.onnx").chmod(0o604)
        (tmp_path / "m.onnx.data").chmod(0o660)
        zoo.export("vit-micro", tmp_path / "m.onnx", **how)
        assert modes() == [0o604, 0o660]
    finally:
        os.umask(before)


@pytest.mark.parametrize("exporter", ["dynamo", "legacy"])
def test_external_data_is_recorded_under_its_final_name(exporter, tmp_path, run_onnx):
    path = zoo.export("vit-micro", tmp_path / "m.onnx", exporter=exporter, opset=18, external_data=True)
    assert {entry.name for entry in tmp_path.iterdir()} == {"m.onnx", "m.onnx.data"}
    stored = onnx.load(path, load_external_data=False).graph.initializer
    where = [{entry.key: entry.value for entry in tensor.external_data} for tensor in stored]
    assert {entry["location"] for entry in where if entry} == {"m.onnx.data"}
    assert not all(where), "small tensors stay in the model file"
    inputs = zoo.example_inputs("vit-micro")
    np.testing.assert_allclose(run_onnx(path, inputs), zoo.build("vit-micro")(inputs["image"]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exporter", ["dynamo", "legacy"])
@pytest.mark.parametrize(
    ("precision", "kind"), [("fp16", onnx.TensorProto.FLOAT16), ("bf16", onnx.TensorProto.BFLOAT16)]
)
def test_half_precision_holds_weights_and_image(exporter, precision, kind, tmp_path):
    path = zoo.export("vit-micro", tmp_path / "m.onnx", exporter=exporter, opset=18, precision=precision)
    model = onnx.load(path)
    assert model.graph.input[0].type.tensor_type.elem_type == kind
    weights = [tensor for tensor in model.graph.initializer if len(tensor.dims) >= 2]
    assert len(weights) >= 10
    assert {tensor.data_type for tensor in weights} == {kind}


def test_half_precision_computes_the_model(tmp_path, run_onnx):
    path = zoo.export("vit-micro", tmp_path / "m.onnx", precision="fp16")
    image = zoo.example_input("vit-micro")
    want = zoo.build("vit-micro")(image).numpy()
    got = run_onnx(path, {"image": image.half()})
    assert np.abs(got - want).max() <= 1e-2 * np.abs(want).max()


def test_weights_come_from_a_file_or_the_seed(tmp_path, run_onnx):
    other = zoo.build("vit-micro", seed=9)
    torch.save(other.state_dict(), tmp_path / "w.pt")
    image = zoo.example_input("vit-micro")
    for options in ({"weights": tmp_path / "w.pt"}, {"seed": 9}):
        path = zoo.export("vit-micro", tmp_path / "m.onnx", exporter="legacy", **options)
        np.testing.assert_allclose(run_onnx(path, {"image": image}), other(image), rtol=1e-4, atol=1e-5)


def test_the_batch_is_fixed_or_open(tmp_path):
    def first_axis(**options):
        path = zoo.export("vit-micro", tmp_path / "m.onnx", exporter="legacy", **options)
        axis = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[0]
        return axis.dim_param or axis.dim_value

    assert (first_axis(), first_axis(batch=3), first_axis(dynamic_batch=True)) == (1, 3, "batch")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit-micro", {"precision": "int8"}, "precision must be one of fp32, fp16, bf16, not 'int8'"),
        ("vit-micro", {"batch": 0}, "batch must be a positive integer, not 0"),
        ("vit-micro", {"batch": 2, "dynamic_batch": True}, "batch must be left out with a dynamic batch axis, not 2"),
        ("vit-micro", {"exporter": "legacy", "opset": 13}, "attention of vit-micro must be eager with the legacy"),
        ("lookupvit-micro", {"exporter": "legacy", "antialias": True}, "must be written by the dynamo exporter"),
        ("lookupvit-micro", {"exporter": "legacy", "resample": "pool"}, "adaptive_avg_pool2d"),
        ("m3vit-micro", {"moe_style": "hit_loop"}, "must be written by the legacy exporter, not dynamo"),
        ("vmoe-micro", {"dynamic_batch": True}, "batch axis of vmoe-micro must be fixed .* it sets the capacity"),
        ("vit-micro", {"opset": 16}, "must be from 17 to 24, not 16"),
        ("vit-micro", {"weights": "absent.pt"}, "weight file must exist"),
    ],
)
def test_an_impossible_export_is_one_sentence_and_no_file(name, options, message, tmp_path):
    with pytest.raises(VitaccelError, match=message) as error:
        zoo.export(name, tmp_path / "m.onnx", **options)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_impossible_path_is_refused(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    for path, message in (
        (tmp_path / "m.pb", r"must end in \.onnx, not 'm\.pb'"),
        (tmp_path / "folder.onnx", "must be a file, not a directory"),
        (tmp_path / "absent" / "m.onnx", "directory of the output file must exist"),
    ):
        with pytest.raises(OutputError, match=message):
            zoo.export("vit-micro", path)


@pytest.mark.parametrize("external_data", [False, True])
def test_a_failed_write_leaves_the_old_file(external_data, tmp_path, monkeypatch):
    path = zoo.export("vit-micro", tmp_path / "m.onnx", exporter="legacy")
    before = path.read_bytes()

    def full_disk(*_args, **_options):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(onnx, "save_model", full_disk)
    with pytest.raises(OutputError, match="No space left on device"):
        zoo.export("vit-micro", path, exporter="legacy", seed=1, external_data=external_data)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_exporters_cannot_do_is_unsupported(tmp_path):
    with pytest.raises(UnsupportedError):
        zoo.export("m3vit-micro", tmp_path / "m.onnx", moe_style="hit_loop")


def test_the_keywords_are_a_promise():
    parameters = inspect.signature(zoo.export).parameters
    assert list(parameters) == [
        "name", "path", "exporter", "opset", "dynamic_batch", "batch", "external_data", "precision", "weights", "seed",
        "options",
    ]  # fmt: skip
    assert (parameters["exporter"].default, parameters["opset"].default) == ("dynamo", 18)
