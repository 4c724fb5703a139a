"""The README of a network: figures of the program, and addresses of the memory map."""

from __future__ import annotations

from tests.sim.delivery.network.micro import network
from vitaccel_rtl.header import MARK
from vitaccel_sim.delivery.network.readme import NETWORK_MARK, readme


def test_figures_and_addresses_are_those_of_the_network() -> None:
    memory, arch = network().hardware.memory, network().model.arch
    text = readme(memory, arch, instructions=12345, cycles=memory.macs // memory.pes * 2, images=7)
    assert text.startswith(f"# {memory.name} on vitaccel\n\n{NETWORK_MARK}")
    assert "| program | 12,345 instructions," in text
    assert "| 50.0% of all multipliers" in text
    assert "| golden vectors | 7 |" in text
    for name in (*memory.inputs, *memory.outputs):
        entry = memory.tensor(name)
        assert f"| `{entry.dram:#x}` | {entry.dram_bytes:,} |" in text
    assert f"memory_bytes={memory.memory_bytes})" in text


def test_only_the_readme_of_a_network_has_the_mark() -> None:
    assert NETWORK_MARK.startswith(MARK)
    with_mark = [name for name, content in network().files.items() if NETWORK_MARK.encode() in content]
    assert with_mark == ["README.md"]
    assert MARK.encode() not in network().files["Makefile"], "a block's Makefile would replace it"


def test_cycles_that_depend_on_experts_say_so() -> None:
    memory, arch = network().hardware.memory, network().model.arch
    text = readme(memory, arch, instructions=1, cycles=4321, images=1, has_experts=True)
    assert "| 4,321 with a memory that answers after 16 cycles and tokens that spread evenly over the experts |" in text
    assert "spread evenly" not in network().files["README.md"].decode()
