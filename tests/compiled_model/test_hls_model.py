"""A network in C++ as an object: two machines in a process, runs that follow each other, tensors as they come."""

from __future__ import annotations

import numpy as np

from tests.hls.machine_bench import Bench
from tests.sim.hls.networks import Made, made


def run_once(network: Made, inputs: bytes) -> bytes:
    memory = network.assembled.memory
    (name,) = memory.inputs
    network.hls.load(memory.tensor(name).dram, inputs)
    network.hls.run()
    output = memory.tensor(memory.outputs[0])
    return network.hls.read(output).tobytes()


def test_a_run_leaves_nothing_for_the_next() -> None:
    network = made("vit", "8x8")
    memory = network.assembled.memory
    size = memory.tensor(memory.inputs[0]).dram_bytes
    random = np.random.default_rng(1)
    first, second = (random.integers(-100, 100, size, dtype=np.int8).tobytes() for _ in range(2))
    expected = run_once(network, first)
    assert run_once(network, second) != expected
    assert run_once(network, first) == expected


def test_machines_of_two_sizes_are_in_one_process() -> None:
    """What one has in its buffers, and what its programs' header is, the other does not see."""
    benches = [Bench(4), Bench(8), Bench(4)]
    for value, bench in enumerate(benches):
        bench.words[0] = value + 1
        bench.add("lane", row_blocks=1, channels=1, last_rows=bench.side, tiles=1, out=9)
    for bench in benches:
        bench.run()
    assert [bench.words[9].tolist() for bench in benches] == [[1] * 4, [2] * 8, [3] * 4]


def test_tensors_come_when_they_are_whole() -> None:
    network = made("vit", "8x8")
    entries = [entry for entry in network.assembled.memory.tensors if entry.kind == "activation"]
    found = list(network.hls.tensors(entries))
    assert {entry.name for entry, _ in found} == {entry.name for entry in entries}
    places = [entry.instruction for entry, _ in found]
    assert places != []
    assert all(raw.size == entry.dram_bytes for entry, raw in found)
