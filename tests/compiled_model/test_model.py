"""Micro networks on the accelerator in C++: outputs, taps and choices are the interpreter's, images in any number."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.networks import images_for, machine_of, quantized
from tests.hls.machine_bench import CHECKED
from vitaccel.arch import Arch
from vitaccel.backends.hls.compiled import compiled
from vitaccel.compiled_model import model as module
from vitaccel.compiled_model.hls_model import HlsModel
from vitaccel.compiled_model.model import IMAGES, CompiledModel, check_machine, library_of, machine_sources
from vitaccel.errors import UnsupportedError
from vitaccel.execution import IntegerModel, IntegerRun


@pytest.fixture(autouse=True)
def checked_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of other tests, with every width checked, in place of the fast one."""
    monkeypatch.setattr(
        module, "library_of", lambda arch: compiled(machine_sources(arch), "model.cpp", flags=CHECKED, is_library=True)
    )


def assert_same(found: IntegerRun, expected: IntegerRun) -> None:
    for one, other in zip((*found.outputs, *found.scales), (*expected.outputs, *expected.scales), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert found.taps.keys() == expected.taps.keys()
    for name, (integers, scale) in expected.taps.items():
        np.testing.assert_array_equal(found.taps[name][0], integers)
        np.testing.assert_array_equal(found.taps[name][1], scale)
    assert found.choices.keys() == expected.choices.keys()
    for label, chosen in expected.choices.items():
        np.testing.assert_array_equal(found.choices[label], chosen)


@pytest.mark.parametrize(
    ("name", "pe", "images"), [("vit", "8x8", 2 * IMAGES + 1), ("lookupvit", "4x4", 2), ("m3vit", "8x8", 3)]
)
def test_a_run_is_the_interpreter_s(name: str, pe: str, images: int, seed: int) -> None:
    graph, arch = quantized(name, seed), machine_of(pe)
    inputs = images_for(graph, images, seed + 1)
    taps = tuple(IntegerModel(graph, arch).taps())
    assert len(taps) > 10
    told: list[int] = []
    found = CompiledModel(graph, arch).run(inputs, taps=taps, progress=lambda done, _: told.append(done))
    expected = IntegerModel(graph, arch).run(inputs, taps=taps)
    assert_same(found, expected)
    assert bool(found.choices) == (name == "m3vit")
    assert told == [*range(IMAGES, images, IMAGES), images]
    without = CompiledModel(graph, arch).run(inputs)
    np.testing.assert_array_equal(without.outputs[0], expected.outputs[0])


def test_a_choice_of_tasks_has_weights_of_its_own(seed: int) -> None:
    graph, arch = quantized("m3vit-task", seed), machine_of("8x8")
    (task,) = (name for name in graph.inputs if graph[name].type.element != "f32")
    made, truth = CompiledModel(graph, arch), IntegerModel(graph, arch)
    images = images_for(graph, 2, seed)
    outputs = []
    for choice in (1, 0, 1):
        fed = images | {task: np.array([choice])}
        found = made.run(fed)
        assert_same(found, truth.run(fed))
        outputs.append(found.outputs[0])
    assert not np.array_equal(outputs[0], outputs[1])


def test_what_the_machine_computes_is_what_is_returned(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """A byte of the output is turned in the machine's memory: the comparison above would see it."""
    graph, arch = quantized("vit", seed), machine_of("8x8")
    inputs, read = images_for(graph, 1, seed), HlsModel.read
    expected = CompiledModel(graph, arch).run(inputs)
    monkeypatch.setattr(HlsModel, "read", lambda self, tensor: read(self, tensor) ^ 1)
    with pytest.raises(AssertionError):
        assert_same(CompiledModel(graph, arch).run(inputs), expected)


@pytest.mark.parametrize(
    ("pe", "sentence"),
    [
        ("2x8x8", "the accelerator in C++ must have one array, not 2"),
        ("6x6", "P of the accelerator in C++ must be a power of two, as a word is what its bus has, not 6"),
    ],
)
def test_machines_that_there_are_not_are_refused(pe: str, sentence: str) -> None:
    with pytest.raises(UnsupportedError) as refused:
        check_machine(Arch().with_pe(pe))
    assert str(refused.value) == sentence
    with pytest.raises(UnsupportedError):
        CompiledModel(quantized("vit", 0), machine_of(pe))


def test_a_library_is_made_once_for_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[dict[str, str], str, bool]] = []

    def record(sources: dict[str, str], main: str, *, is_library: bool) -> str:
        asked.append((sources, main, is_library))
        return "here"

    monkeypatch.setattr(module, "compiled", record)
    assert [library_of(machine_of(pe)) for pe in ("8x8", "8x8", "4x4")] == ["here"] * 3
    assert asked[0] == asked[1] != asked[2]
    assert asked[0][1:] == ("model.cpp", True)
