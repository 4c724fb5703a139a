import numpy as np
import pytest
import torch

from vitaccel import zoo
from vitaccel.errors import VitaccelError
from vitaccel.zoo.load_weights import load_weights
from vitaccel.zoo.weights import canonical_tensors


@pytest.fixture
def state():
    return zoo.build("m3vit-micro", seed=5).state_dict()


def logits(model):
    return model(zoo.example_input("m3vit-micro"))


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_a_torch_state_dict_is_loaded(tmp_path, state, wrapper):
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3}, tmp_path / "w.pt")
    model = zoo.build("m3vit-micro")
    load_weights(model, tmp_path / "w.pt")
    assert torch.equal(logits(model), logits(zoo.build("m3vit-micro", seed=5)))


def test_an_npz_with_layout_independent_names_fits_every_style(tmp_path):
    source = dict(canonical_tensors(zoo.build("m3vit-micro", seed=5)))
    np.savez(tmp_path / "w.npz", **{name: tensor.numpy() for name, tensor in source.items()})
    for options in ({"moe_style": "dense_bmm"}, {"moe_style": "nonzero", "qkv": "separate"}):
        model = zoo.build("m3vit-micro", **options)
        load_weights(model, tmp_path / "w.npz")
        torch.testing.assert_close(logits(model), logits(zoo.build("m3vit-micro", seed=5)), rtol=1e-4, atol=1e-5)


def test_half_precision_weights_are_widened(tmp_path, state):
    torch.save({name: tensor.half() for name, tensor in state.items()}, tmp_path / "w.pt")
    model = zoo.build("m3vit-micro")
    load_weights(model, tmp_path / "w.pt")
    assert model.cls_token.dtype == torch.float32
    assert torch.equal(model.cls_token, state["cls_token"].half().float())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("cls_token"), "must hold .* tensors, not miss cls_token"),
        (lambda state: [state.pop(name) for name in list(state)[:3]], "not miss cls_token and 2 more"),
        (lambda state: state.update(cls_tokn=state["cls_token"]), r"not cls_tokn \(did you mean 'cls_token'\?\)"),
        (lambda state: state.update(cls_token=torch.ones(18)), r"must have shape \(1, 1, 18\), not \(18,\)"),
        (lambda state: state["norm.bias"][3:].fill_(float("nan")), "weight norm.bias of .* must be finite"),
        (lambda state: state.update(norm=3), "must hold a mapping from names to tensors"),
    ],
)
def test_a_wrong_tensor_is_named_and_nothing_is_written(tmp_path, state, change, message):
    change(state)
    torch.save(state, tmp_path / "w.pt")
    model = zoo.build("m3vit-micro")
    with pytest.raises(VitaccelError, match=message):
        load_weights(model, tmp_path / "w.pt")
    assert torch.equal(logits(model), logits(zoo.build("m3vit-micro")))


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".pth"])
@pytest.mark.parametrize("content", [b"", b"not a weight file", b"PK\x03\x04 cut short", b"\x80\x02}q\x00."])
def test_an_unreadable_file_is_one_sentence(tmp_path, suffix, content):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(VitaccelError) as error:
        load_weights(zoo.build("vit-micro"), path)
    assert str(error.value).startswith(f"weight file {path} must ")
    assert "\n" not in str(error.value)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "hit"), "w"))

    torch.save({"cls_token": Payload()}, tmp_path / "w.pt")
    with pytest.raises(VitaccelError, match="not unreadable"):
        load_weights(zoo.build("vit-micro"), tmp_path / "w.pt")
    assert not (tmp_path / "hit").exists()


def test_a_missing_file_and_an_unknown_suffix(tmp_path):
    with pytest.raises(VitaccelError, match="must exist"):
        load_weights(zoo.build("vit-micro"), tmp_path / "w.pt")
    with pytest.raises(VitaccelError, match=r"must end in \.pt, \.pth, \.npz, \.safetensors, not 'w\.bin'"):
        load_weights(zoo.build("vit-micro"), tmp_path / "w.bin")


def test_safetensors_are_read_or_their_package_is_named(tmp_path, state):
    path = tmp_path / "w.safetensors"
    model = zoo.build("m3vit-micro")
    try:
        from safetensors.torch import save_file
    except ModuleNotFoundError:
        path.write_bytes(b"\0" * 8)
        with pytest.raises(VitaccelError, match="needs safetensors: install it with pip"):
            load_weights(model, path)
        return
    save_file(state, path)
    load_weights(model, path)
    assert torch.equal(logits(model), logits(zoo.build("m3vit-micro", seed=5)))
