"""A delivered network is verified on its golden vectors or on a user's images; what is not whole is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.sim.accelerator.network_folder import IMAGES, PROGRAM, Perfect, images, model, write_folder
from vitaccel.errors import VitaccelError
from vitaccel.execution import IntegerModel
from vitaccel_rtl.ports import Port
from vitaccel_sim.accelerator import acceptance
from vitaccel_sim.accelerator.acceptance import Request, accept
from vitaccel_sim.accelerator.behaviour import CHANNELS, MemoryBehaviour
from vitaccel_sim.accelerator.delivered import read_delivery
from vitaccel_sim.verilate import BuildError


@pytest.fixture(scope="module")
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("delivered"), "vit", pytestconfig.option.seed)


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> Perfect:
    made = Perfect()
    monkeypatch.setattr(acceptance, "verify", made)
    return made


def test_golden_vectors_are_run_with_all_tensors(folder: Path, perfect: Perfect, seed: int) -> None:
    heard: list[str] = []
    found = accept(Request(folder=folder), heard.append)
    assert found.record()["images"] == IMAGES
    assert found.cycles_are_equal
    assert found.top1 is None
    kernels = {kernel.out for kernel in model("vit", seed).lowered.plan.kernels}
    assert perfect.taps == [len(kernels)] * IMAGES
    assert perfect.told["behaviour"].latency_cycles == model("vit", seed).arch.memory.latency_cycles
    assert heard == ["read", "compile", "build", *(f"run {at}: equal, 1,000 cycles" for at in range(1, IMAGES + 1))]
    hardware = perfect.told["hardware"]
    assert hardware.program == PROGRAM
    assert hardware.verilog.ports == (
        Port(name="clk", width=1, is_input=True),
        Port(name="rst", width=1, is_input=True),
        Port(name="word", width=8, is_input=False),
    )


def test_less_may_be_asked_for(folder: Path, perfect: Perfect) -> None:
    memory = {"latency_cycles": 7, "jitter_cycles": None, "stall": 0.25}
    found = accept(Request(folder=folder, images=2, compares_tensors=False, memory=memory, seed=5), print)
    assert len(found.results) == 2
    assert perfect.taps == [0, 0]
    assert perfect.told["behaviour"].latency_cycles == 7
    assert perfect.told["behaviour"].stalls == dict.fromkeys(CHANNELS, 0.25)
    assert perfect.told["seed"] == 5
    assert found.cycles_are_equal is None, "the vectors hold a prediction for another memory"


def test_a_prediction_is_of_the_memory_and_of_the_experts(folder: Path, perfect: Perfect) -> None:
    def predicts(made: IntegerModel, memory: MemoryBehaviour, chosen: object) -> int:
        assert (made.batch, chosen) == (1, {})
        return 993 + memory.mean_latency_cycles

    for latency_cycles, equal in ((7, True), (8, False)):
        request = Request(folder=folder, images=1, memory={"latency_cycles": latency_cycles})
        assert accept(request, print, predicts=predicts).cycles_are_equal is equal
    assert perfect.taps[0] > 0


@pytest.mark.usefixtures("perfect")
@pytest.mark.parametrize("name", ["vit", "vit-batch", "m3vit-task"])
def test_accuracy_is_that_of_the_hardwares_outputs(name: str, seed: int, tmp_path: Path) -> None:
    arrays = {"image": images(name, seed)["image"]}
    fed = arrays | ({"task": np.array([0])} if "task" in name else {})
    right = model(name, seed).run(fed).values[0].argmax(-1)
    labels = np.where(np.arange(IMAGES) == 1, (right + 1) % 2, right)
    np.savez(tmp_path / "images.npz", images=arrays["image"], labels=labels)
    found = accept(Request(folder=write_folder(tmp_path, name, seed), inputs=tmp_path / "images.npz"), print)
    assert found.top1 == pytest.approx((labels == right).mean())
    assert found.cycles_are_equal is None, "nothing was predicted"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("weights.bin", None, r"must have the file weights.bin"),
        ("program.bin", b"x", r"program.bin must have the 64 bytes that memory_map.json says, not 1"),
        ("memory_map.json", b"{}", r"a memory map must be JSON"),
        ("registers.json", b"{}", r"registers.json must be a register map, and is not"),
        ("machine.json", b"{", r"machine.json must be JSON"),
        ("golden.npz", b"PK", r"golden.npz must be an archive of arrays"),
        ("vitaccel.sv", b"module other();\nendmodule\n", r"vitaccel.sv must have a module vitaccel, and has none"),
        ("vitaccel.sv", b"\xff", r"vitaccel.sv must be a text"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    folder: Path, name: str, content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    if content is None:
        (tmp_path / "copy" / name).unlink()
    else:
        (tmp_path / "copy" / name).write_bytes(content)
    with pytest.raises(VitaccelError, match=sentence):
        read_delivery(tmp_path / "copy")


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VitaccelError, match=r"must be a directory that vitaccel gen-rtl wrote$"):
        read_delivery(tmp_path / "nothing")


@pytest.mark.usefixtures("perfect")
def test_weights_of_another_network_are_refused_where_no_number_tells(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    flip(tmp_path / "copy" / "weights.bin", 100)
    with pytest.raises(VitaccelError, match=r"^weights.bin must be that of model.onnx, though no number that was comp"):
        accept(Request(folder=tmp_path / "copy"), print)


def test_weights_of_another_network_are_run_to_show_what_is_wrong(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    flip(tmp_path / "copy" / "weights.bin", 100)
    monkeypatch.setattr(acceptance, "verify", Perfect(wrong=1))
    found = accept(Request(folder=tmp_path / "copy"), print)
    assert [result.is_equal for result in found.results] == [True, False, True]


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.usefixtures("perfect")
def test_outputs_of_the_golden_vectors_are_what_the_hardware_must_give(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    golden = read_delivery(folder).golden
    (output,) = [name for name in golden if name.startswith("output.")]
    golden[output] = golden[output].copy()
    golden[output].flat[-1] ^= 1
    np.savez(tmp_path / "copy" / "golden.npz", **golden)
    expected, found = (
        accept(Request(folder=of), print).results[2].outputs[output.removeprefix("output.")]
        for of in (folder, tmp_path / "copy")
    )
    assert found.flat[-1] == expected.flat[-1] ^ 1
    np.savez(tmp_path / "copy" / "golden.npz", **{output: golden[output]})
    with pytest.raises(VitaccelError, match=r"^golden vectors must be input\.\* and output\.\* of the same number"):
        accept(Request(folder=tmp_path / "copy"), print)


def test_a_memory_map_of_another_network_is_refused(folder: Path, tmp_path: Path) -> None:
    """Places that are in the memory, and are not the model's: nothing would be compared with what it is compared to."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    text = (copy / "memory_map.json").read_text()
    changed = json.loads(text)
    changed["tensors"][3]["runs"]["address"] += 1
    (copy / "memory_map.json").write_text(json.dumps(changed | {"macs": 1, "name": "another name is no fault"}))
    with pytest.raises(VitaccelError) as refused:
        accept(Request(folder=copy), print)
    assert str(refused.value) == (
        "memory_map.json must be that of model.onnx on the machine of machine.json, and tensors, macs are not"
    )


def test_verilog_that_is_cut_short_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BuildError(
            "verilator must accept the component, but says: %Warning: a\n%Error: top.sv:3: no endmodule\nb"
        )

    monkeypatch.setattr(acceptance, "verify", refuse)
    with pytest.raises(VitaccelError) as refused:
        accept(Request(folder=folder), print)
    assert str(refused.value) == ("vitaccel.sv must be Verilog that Verilator accepts: %Error: top.sv:3: no endmodule")
