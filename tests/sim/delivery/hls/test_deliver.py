"""What is delivered of a network in C++: it compiles without a warning, runs, and finds what is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.sim.delivery.hls.micro import hls_network, write
from tests.sim.delivery.network.micro import IMAGES, NAME, arch
from vitaccel.backends.rtl.memory_map import MemoryMap
from vitaccel.backends.rtl.program_file import decode_program, encode_program
from vitaccel_rtl.accelerator.isa import HEADER_BYTES, WORDS
from vitaccel_sim.delivery.hls.deliver import GOLDEN
from vitaccel_sim.delivery.hls.readme import FILES, README

AP = "VITACCEL_AP_INCLUDE"
"""Variable that names a directory with arbitrary-precision headers, for ``make ap``."""


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)


def test_make_runs_the_golden_images(tmp_path: Path) -> None:
    done = make(write(tmp_path), "ROUNDS=3", "CXXFLAGS=-O1 -Werror")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^{3 * IMAGES} runs: every byte of the outputs is the interpreter's; .* runs a second$",
                     done.stdout, re.MULTILINE)  # fmt: skip
    golden = bytearray((tmp_path / GOLDEN).read_bytes())
    golden[-1] ^= 1
    (tmp_path / GOLDEN).write_bytes(golden)
    wrong = subprocess.run([tmp_path / "test_bench", tmp_path], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (1, f"{IMAGES} runs: 1 bytes of the outputs are wrong\n")
    last, expected = hls_network().assembled.memory, np.frombuffer(golden, np.int8)[-1]
    region = last.tensor(last.outputs[-1])
    assert wrong.stderr == (
        f"byte {region.dram_bytes - 1} of the output at {region.dram:#x} must be {expected}, not {expected ^ 1}\n"
    )
    for rounds in ("0", "-1", "x"):
        none = subprocess.run([tmp_path / "test_bench", tmp_path, rounds], capture_output=True, text=True, check=False)
        sentence = f"error: rounds must be a number of 1 or more, not {rounds}\n"
        assert (none.returncode, none.stdout, none.stderr) == (2, "", sentence)


def test_make_check_finds_nothing(tmp_path: Path) -> None:
    done = make(write(tmp_path), "check", "CXX=g++")
    assert done.returncode == 0, done.stderr
    assert f"{IMAGES} runs: every byte of the outputs is the interpreter's" in done.stdout


def test_processes_that_run_side_by_side_are_kept_apart_by_the_waits(tmp_path: Path) -> None:
    """As threads, with streams as deep as in hardware; without a wait for loads, what they bring is read too early."""
    done = make(write(tmp_path), "threads")
    assert done.returncode == 0, done.stderr
    assert f"{IMAGES} runs: every byte of the outputs is the interpreter's" in done.stdout
    words = np.frombuffer((tmp_path / "program.bin").read_bytes(), "<u4").copy()
    words[HEADER_BYTES // 4 :].reshape(-1, WORDS)[:, 1] = 0
    (tmp_path / "program.bin").write_bytes(words.tobytes())
    raced = subprocess.run([tmp_path / "test_bench_threads", tmp_path], capture_output=True, text=True, check=False)
    assert raced.returncode != 0
    assert "WARNING: ThreadSanitizer: data race" in raced.stderr


def test_make_without_arbitrary_precision_headers_says_so(tmp_path: Path) -> None:
    done = make(write(tmp_path), "ap")
    assert done.returncode != 0
    assert "AP must be the directory of ap_int.h, as in make ap AP=include" in done.stdout


@pytest.mark.skipif(not os.environ.get(AP), reason=f"{AP} names no directory with ap_int.h")
def test_make_ap_runs_the_golden_images_in_arbitrary_precision(tmp_path: Path) -> None:
    """It is the headers' types that hold the numbers: with a bit fewer in each, the outputs are wrong."""
    done = make(write(tmp_path), "ap", f"AP={os.environ[AP]}")
    assert done.returncode == 0, done.stderr
    assert f"{IMAGES} runs: every byte of the outputs is the interpreter's" in done.stdout
    header = tmp_path / "vitaccel_hls" / "integers.hpp"
    text = header.read_text()
    assert text.count("ap_int<BITS>;") == 1
    header.write_text(text.replace("ap_int<BITS>;", "ap_int<(BITS > 4 ? BITS - 1 : BITS)>;"))
    narrow = make(tmp_path, "ap", f"AP={os.environ[AP]}")
    assert narrow.returncode != 0
    assert "bytes of the outputs are wrong" in narrow.stdout, narrow.stderr


@pytest.mark.parametrize("name", ["program.bin", "weights.bin"])
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path) / name
    assert make(tmp_path, "test_bench", "CXXFLAGS=-O0").returncode == 0
    path.write_bytes(path.read_bytes()[:-4])
    done = subprocess.run([tmp_path / "test_bench", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: .*{name} must be a file of \d+ bytes\n", done.stderr)


def test_a_program_that_reaches_outside_of_memory_is_told(tmp_path: Path) -> None:
    """Of a bit of an address; with every access checked, it is told where."""
    path = write(tmp_path) / "program.bin"
    program = decode_program(path.read_bytes())
    instructions = list(program.instructions)
    at, load = next((at, each) for at, each in enumerate(instructions) if "dram" in each.fields)
    instructions[at] = replace(load, fields={**load.fields, "dram": load.fields["dram"] ^ 1 << 31})
    path.write_bytes(encode_program(replace(program, instructions=tuple(instructions))))
    assert make(tmp_path, "test_bench", "CXXFLAGS=-O1").returncode == 0
    done = subprocess.run([tmp_path / "test_bench", tmp_path], capture_output=True, text=True, check=False)
    told = "error: the program must keep to its memory and its buffers, and does not; make check says where\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    assert "test_bench" in make(tmp_path, "check").stderr.partition("ERROR: AddressSanitizer: ")[2]


def test_files_belong_together() -> None:
    made = hls_network()
    memory, program = made.assembled.memory, decode_program(made.files["program.bin"])
    assert MemoryMap.from_json(made.files["memory_map.json"].decode()) == memory
    assert memory.name == NAME
    assert made.record()["instructions"] == len(program.instructions)
    assert program.machine["side"] == arch().array.side
    assert json.loads(made.files["machine.json"])["array"]["side"] == 4
    names = (*memory.inputs, *memory.outputs)
    assert len(made.files[GOLDEN]) == IMAGES * sum(memory.tensor(name).dram_bytes for name in names)
    assert f"constexpr uint64_t MEMORY_BYTES = {memory.memory_bytes};" in made.sources["network.hpp"]


def test_the_readme_names_every_file_and_shows_no_place_of_this_machine() -> None:
    files = hls_network().files
    text = files[README].decode()
    assert all(f"| `{name}` |" in text for name in files)
    assert set(FILES) <= set(files)
    assert not any(re.search(rb"/(tmp|home|root|work)/", files[name]) for name in files if name != "model.onnx")
