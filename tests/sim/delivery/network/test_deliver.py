"""What is delivered of a network: files that belong together, Verilog without a warning, and nothing forgotten."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.sim.delivery.hls.micro import hls_network
from tests.sim.delivery.network.micro import IMAGES, NAME, arch, network, onnx, write
from vitaccel.backends.rtl.program_file import decode_program
from vitaccel.errors import UnsupportedError
from vitaccel_rtl.accelerator.control_map import machine_registers
from vitaccel_rtl.lint import lint
from vitaccel_sim.accelerator.delivered import read_delivery
from vitaccel_sim.accelerator.expectations import golden_images
from vitaccel_sim.delivery.network.deliver import deliver_network
from vitaccel_sim.delivery.network.readme import FILES, README


def test_the_folder_is_what_the_verification_reads(tmp_path: Path) -> None:
    made, found = network(), read_delivery(write(tmp_path))
    assert found.hardware.verilog.ports
    assert {port.name for port in found.hardware.verilog.ports} >= {"clk", "rst", "interrupt", "m_axi_araddr"}
    assert found.hardware.registers == tuple(sorted(machine_registers(), key=lambda register: register.address))
    assert found.arch == made.model.arch
    assert (found.hardware.program, found.hardware.weights) == (made.hardware.program, made.hardware.weights)
    assert found.hardware.memory == made.hardware.memory
    assert found.hardware.memory.name == NAME
    assert found.model.read_bytes() == onnx()
    golden = list(golden_images(found.golden))
    assert len(golden) == IMAGES
    for expected, image in zip(made.images, golden, strict=True):
        assert image.cycles == made.cycles
        for name, values in expected.outputs.items():
            np.testing.assert_array_equal(image.outputs[name], values)


def test_the_program_is_behind_the_weights_in_pages_of_its_own() -> None:
    memory, program = network().hardware.memory, decode_program(network().hardware.program)
    assert memory.program % 4096 == 0
    assert memory.program >= memory.weights_bytes
    assert memory.memory_bytes == memory.program + memory.program_bytes
    assert program.machine["side"] == arch().array.side
    assert network().record()["instructions"] == len(program.instructions)


def test_the_cpp_of_the_same_machine_runs_the_same_program() -> None:
    verilog, cpp = network().hardware, hls_network().files
    assert (cpp["program.bin"], cpp["weights.bin"]) == (verilog.program, verilog.weights)
    assert cpp["memory_map.json"] == network().files["memory_map.json"]


def test_the_verilog_has_no_warning() -> None:
    assert lint(network().hardware.verilog) == ()


def test_the_readme_names_every_file_and_shows_no_place_of_this_machine() -> None:
    files = network().files
    assert {name for name, _ in FILES} == set(files)
    text = files[README].decode()
    assert all(f"| `{name}` |" in text for name in files)
    assert not re.search(r"/(tmp|home|root|work)/", text)
    assert all(b"/site-packages/" not in content for content in files.values())
    assert f"`{network().hardware.memory.program:#x}`" in text


def test_texts_are_texts_and_machine_json_is_the_machine() -> None:
    files = network().files
    assert json.loads(files["machine.json"])["array"]["side"] == 4
    assert b"VITACCEL_STATUS_ERROR_MASK" in files["vitaccel_registers.h"]
    assert files["registers.md"].startswith(b"# Registers\n\n| address |")


def test_what_the_accelerator_does_not_have_is_refused_before_verilog_is_made() -> None:
    def never(_: object) -> dict[str, np.ndarray]:
        raise AssertionError

    with pytest.raises(UnsupportedError, match="numerators of the accelerator must be of 8 bits, not 16"):
        deliver_network(onnx(), NAME, arch().with_settings({"numerics.numerator_bits": "16"}), never)
