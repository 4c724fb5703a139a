"""Logits recorded from the trained models: what they are, and that every promise holds on them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from vitaccel import zoo
from vitaccel.reference.certificate.numerics import Numerics
from vitaccel.reference.certificate.promises import check_promises
from vitaccel.reference.certificate.recorded import recorded_rows
from vitaccel.reference.certificate.softmax_table import measure_softmax
from vitaccel.zoo.digits import load_split

ATTENTIONS = {"vit-digits": 3, "lookupvit-digits": 4, "m3vit-digits": 5}


@pytest.fixture(scope="module")
def script(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("attention_logits")


@pytest.mark.parametrize("name", ATTENTIONS)
def test_every_promise_holds_on_the_logits_of_a_trained_model(script: ModuleType, name: str) -> None:
    layers = script.recorded(script.digits_model(name), load_split("test").images[:4])
    assert len(layers) == ATTENTIONS[name]
    numerics = Numerics(softmax=(measure_softmax(name, recorded_rows(layers)),))
    kept = check_promises(numerics)
    assert len(kept) == 4
    assert [one.promise.name for one in kept if not one.holds] == []


def test_they_are_what_the_softmax_of_the_model_gets(script: ModuleType) -> None:
    """PyTorch's own model, its softmax listened to."""
    heard: list[torch.Tensor] = []

    class Listener(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if getattr(func, "__name__", "") == "softmax":
                heard.append(args[0])
            return func(*args, **(kwargs or {}))

    images = load_split("test").images[:2]
    model = zoo.build("vit-digits", attention="eager").eval()
    with torch.no_grad(), Listener():
        model(torch.from_numpy(images))
    layers = script.recorded(script.digits_model("vit-digits"), images)
    assert len(heard) == len(layers)
    for logits, expected in zip(layers.values(), heard, strict=True):
        np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-3, atol=1e-3)


def test_the_script_writes_what_the_command_reads(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, model, images = tmp_path / "l.npz", tmp_path / "vit.onnx", tmp_path / "x.npy"
    zoo.export("vit-micro", model, exporter="legacy")
    np.save(images, zoo.example_input("vit-micro", batch=3).numpy())
    arguments = [str(model), str(path), "--images", str(images), "--count", "2"]
    monkeypatch.setattr(sys, "argv", ["attention_logits.py", *arguments])
    script.main()
    lines = capsys.readouterr().out.splitlines()
    with np.load(path) as found:
        assert len(found.files) == len(lines)
        assert all(found[name].ndim == 4 and len(found[name]) == 2 for name in found.files)
        assert recorded_rows({name: found[name] for name in found.files})
