"""The whole flow: passes and their text, files and imported models, batches, machines, and what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel.arch import Arch, load_preset, preset_names
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.compiler import PASS_NAMES, Compiled, compile_graph, compile_model, predict_compiled, simulate
from vitaccel.errors import CapacityError, VitaccelError
from vitaccel.frontend import ImportedModel, import_model
from vitaccel.ir.program import Load

FAMILIES = ("vit-micro", "lookupvit-micro", "m3vit-micro")
MODELS = (*FAMILIES, "deit-micro", "vmoe-micro", "hybrid-micro")
ARRAYS = ("4x4", "8x8", "16x16", "32x32", "3x32x32", "5x8x8")

Imported = Callable[..., ImportedModel]
Exported = Callable[..., Path]


# -- passes --------------------------------------------------------------------------------------------------------
def test_the_passes() -> None:
    assert PASS_NAMES == ("import", "canonicalize", "fuse", "label", "precision", "tile", "allocate", "schedule")


BEGINNINGS = {
    "import": "graph ", "canonicalize": "graph ", "fuse": "graph ", "label": "graph ", "precision": "graph ",
    "tile": "plan ", "allocate": "plan ", "schedule": "program ",
}  # fmt: skip


def test_every_pass_shows_its_text_once_and_in_order(imported: Imported) -> None:
    shown: list[tuple[str, str]] = []
    compiled = compile_model(
        imported("vit-micro"), Arch(), print_after=PASS_NAMES, show=lambda name, text: shown.append((name, text))
    )
    assert tuple(name for name, _ in shown) == PASS_NAMES
    texts = dict(shown)
    for name, beginning in BEGINNINGS.items():
        assert texts[name].startswith(beginning), texts[name][:80]
        assert texts[name].endswith("\n")
    assert texts["import"] == str(compiled.imported.graph)
    assert texts["precision"] == str(compiled.graph)
    assert texts["schedule"] == str(compiled.program)
    # What each pass adds: names of layers, formats, places.
    assert "block0.mlp.fc1" in texts["label"]
    assert "block0.mlp.fc1" not in texts["fuse"]
    assert "int16" in texts["precision"]
    assert "int16" not in texts["label"]
    places = re.compile(r" at \d+\+\d+$", re.MULTILINE)
    assert places.search(texts["allocate"])
    assert not places.search(texts["tile"])


@pytest.mark.parametrize("name", PASS_NAMES)
def test_one_pass_is_shown_alone(name: str, imported: Imported) -> None:
    shown: list[str] = []
    compile_model(imported("vit-micro"), Arch(), print_after=[name], show=lambda found, _: shown.append(found))
    assert shown == [name]


def test_an_unknown_pass_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    known = ", ".join(PASS_NAMES)
    for wrong, hint in (("alocate", " (did you mean 'allocate'?)"), ("xyz", "")):
        sentence = f"--print-after must name one of {known}, not {wrong!r}{hint}"
        with pytest.raises(VitaccelError, match=f"^{re.escape(sentence)}$"):
            compile_model(tmp_path / "not there.onnx", Arch(), print_after=["tile", wrong])


def test_stages_are_announced(exported: Exported, imported: Imported) -> None:
    said: list[str] = []
    compile_model(imported("vit-micro"), Arch(), progress=said.append)
    assert said == ["compiling"]
    said.clear()
    compile_model(exported("vit-micro", exporter="legacy"), Arch(), progress=said.append)
    assert (said[0], said[-1]) == ("importing", "compiling")


# -- machines ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", FAMILIES)
def test_importing_once_gives_the_same_as_the_file_on_every_machine(
    model: str, exported: Exported, imported: Imported
) -> None:
    file, once = exported(model, exporter="legacy"), imported(model)
    before = str(once.graph)
    for arch in (Arch(), Arch().with_pe("3x16x16"), Arch().with_settings({"memory.bus_bits": "32"})):
        assert simulate(once, arch) == simulate(file, arch)
    assert str(once.graph) == before, "compiling must leave the imported Graph alone"


@pytest.mark.parametrize("pe", ARRAYS)
@pytest.mark.parametrize("model", MODELS)
def test_every_array_runs_every_model(model: str, pe: str, imported: Imported) -> None:
    model_file, arch = imported(model), Arch().with_pe(pe)
    prediction = simulate(model_file, arch)
    assert 0 < prediction.utilization <= 1
    if not prediction.experts:
        assert prediction.actions.macs == model_file.graph.total_macs
    # No machine is faster than all its PEs on the MACs that are useful, apart from those of the lanes.
    on_arrays = sum(layer.actions.macs for layer in prediction.layers if layer.cycles.array)
    assert prediction.cycles.array * arch.array.pes >= on_arrays > 0


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_runs_every_family(preset: str, imported: Imported) -> None:
    for model in FAMILIES:
        assert simulate(imported(model), load_preset(preset)).cycles.elapsed > 0


def test_routing_reaches_the_prediction(imported: Imported, tmp_path: Path) -> None:
    model = imported("m3vit-micro")
    compiled = compile_model(model, Arch())
    for kind in ("uniform", "worst"):
        assert simulate(model, Arch(), routing=kind) == predict_compiled(compiled, Routing(kind))
    assert predict_compiled(compiled) == simulate(model, Arch())
    with pytest.raises(VitaccelError, match="routing must be uniform, worst or a JSON file"):
        simulate(tmp_path / "not there.onnx", Arch(), routing="best")


def test_facts_of_the_model_reach_the_prediction(imported: Imported) -> None:
    model = imported("vmoe-micro")
    prediction = simulate(model, Arch())
    assert prediction.params == model.graph.parameters
    assert prediction.macs_dense == model.graph.total_macs_dense
    assert prediction.macs_exported == model.macs_exported
    assert prediction.input_shapes == dict(model.input_shapes)


# -- what does not fit ---------------------------------------------------------------------------------------------
BUFFERS = {
    "activation": ("16x16", "3000", r"^\S+ \(\w+\) needs at most (\d+) bytes of activation buffer at once and "),
    "weight": ("16x16", "1024", r"^\S+ \(\w+\): one tile of weights takes (\d+) bytes and "),
    "logit": ("16x16", "1024", r"^\S+ \(attention\): a row-block of logits to 36 keys takes (\d+) bytes and "),
}


@pytest.mark.parametrize("buffer", BUFFERS)
def test_a_buffer_that_is_too_small_is_named_with_the_setting_that_helps(buffer: str, imported: Imported) -> None:
    pe, small, beginning = BUFFERS[buffer]
    key = f"buffers.{buffer}_bytes"
    size, refused = int(small), 0
    while sentence := refusal(imported("vit-micro"), Arch().with_pe(pe).with_settings({key: str(size)})):
        words = re.search(rf"{beginning}.*{key} is (\d+); raise it with --set {key}=(\d+)$", sentence)
        assert words, sentence
        needed, there, advice = map(int, words.groups())
        assert size - 256 < there <= size, "what there is, in whole words of all banks"
        assert there < needed <= advice
        size = advice
        refused += 1
    assert refused, "the first size must not fit"


def refusal(model: ImportedModel, arch: Arch) -> str:
    """Return the sentence of a model that does not fit, "" when it does."""
    try:
        compile_model(model, arch)
    except CapacityError as error:
        return str(error)
    return ""


def tile_bytes(compiled: Compiled) -> int:
    """Bytes of weight tiles that a Program loads."""
    loads = [i for i in compiled.program.instructions if isinstance(i, Load) and i.buffer == "weight"]
    return sum(load.total_bytes for load in loads)


# -- files ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", FAMILIES)
def test_a_batch_of_three_does_three_times_the_work(model: str, exported: Exported, imported: Imported) -> None:
    file = exported(model, exporter="legacy", dynamic_batch=True)
    (shape,) = imported(model).input_shapes.values()
    one = simulate(imported(model), Arch())
    three = simulate(file, Arch(), input_shapes={"": (3, *shape[1:])})
    assert (one.frames, three.frames) == (1, 3)
    assert three.actions.macs == 3 * one.actions.macs
    assert three.params == one.params
    assert three.traffic.input == 3 * one.traffic.input
    assert three.traffic.output == 3 * one.traffic.output
    # In a batch the lanes add the positions, which takes parameters that one image does not need.
    tiles = [
        tile_bytes(compile_model(imported(model), Arch())),
        tile_bytes(compile_model(file, Arch(), input_shapes={"": (3, *shape[1:])})),
    ]
    assert tiles[0] == tiles[1], "weights cross the port once a run"
    assert one.cycles.array < three.cycles.array <= 3 * one.cycles.array
    assert three.latency_s < 3 * one.latency_s, "a batch shares what a run loads"
    assert three.fps > one.fps


def same_cycles(one: Path, other: Path, shapes: dict[str, tuple[int, ...]] | None) -> None:
    first, second = import_model(one), import_model(other, input_shapes=shapes)
    assert str(first.graph) == str(second.graph)
    for arch in (Arch(), Arch().with_pe("3x5x5")):
        before, after = simulate(first, arch), simulate(second, arch)
        assert before.cycles == after.cycles
        assert before.layers == after.layers
        assert before.timeline == after.timeline


LONG = pytest.mark.full
"""The dynamo exporter takes seconds for a model."""


@pytest.mark.parametrize(
    ("model", "exporter", "dynamic"),
    [
        *((model, "legacy", True) for model in FAMILIES),
        ("vit-micro", "dynamo", False),
        ("vit-micro", "dynamo", True),
        ("lookupvit-micro", "dynamo", False),
        pytest.param("lookupvit-micro", "dynamo", True, marks=LONG),
        pytest.param("m3vit-micro", "dynamo", False, marks=LONG),
        pytest.param("m3vit-micro", "dynamo", True, marks=LONG),
    ],
)
def test_both_exporters_files_give_the_same_cycles(
    model: str, exporter: str, dynamic: bool, exported: Exported, imported: Imported
) -> None:
    options: dict[str, Any] = {"dynamic_batch": True} if dynamic else {}
    shapes = dict(imported(model).input_shapes) if dynamic else None
    same_cycles(exported(model, exporter="legacy"), exported(model, exporter=exporter, **options), shapes)


def test_a_graph_is_compiled_without_a_file(imported: Imported) -> None:
    model = imported("vit-micro")
    graph, _, program = compile_graph(model.graph, Arch())
    compiled = compile_model(model, Arch())
    assert str(graph) == str(compiled.graph)
    assert str(program) == str(compiled.program)
