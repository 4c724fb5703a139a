"""The gateware of a machine description: it has the machine's sizes, and what there is not is refused."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
from amaranth.hdl import Fragment, UnusedElaboratable

from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.arch import Arch
from vitaccel.backends.rtl.accelerator import ADDRESS_BITS, accelerator_of
from vitaccel.backends.rtl.assemble import assemble, features
from vitaccel.errors import UnsupportedError
from vitaccel_rtl.accelerator.isa import features_word


def small(pe: str = "4x4", **memory: int) -> Arch:
    sizes = {"activation_bytes": 4096, "weight_bytes": 1024, "logit_bytes": 1024, "parameter_bytes": 1024}
    arch = Arch().with_pe(pe)
    return replace(arch, buffers=replace(arch.buffers, **sizes), memory=replace(arch.memory, **memory))


@pytest.fixture(autouse=True)
def parts_are_collected() -> Iterator[None]:
    """A machine that is only looked at is never elaborated: Amaranth says so when it is collected, so that is now."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        gc.collect()


def ports(arch: Arch) -> dict[str, int]:
    """Widths by name."""
    members = accelerator_of(arch).signature.members
    return {name: member.shape for name, member in members.items()}


@pytest.mark.parametrize("bus_bits", [32, 128])
def test_the_bus_is_as_wide_as_the_machine_s(bus_bits: int) -> None:
    found = ports(small(bus_bits=bus_bits))
    assert found["m_axi_rdata"] == found["m_axi_wdata"] == bus_bits
    assert found["m_axi_araddr"] == found["p_axi_araddr"] == ADDRESS_BITS
    assert found["interrupt"] == 1


def test_registers_are_those_of_every_accelerator() -> None:
    names = [register.name for register in accelerator_of(small()).registers]
    assert {"control", "status", "program", "cycles_low", "completed_compute", "side"} <= set(names)


def test_a_machine_says_which_optional_parts_it_has() -> None:
    def parts(features: tuple[str, ...]) -> set[str]:
        found = Fragment.get(accelerator_of(small(), features=features), None)
        engines = [inside for inside, name, _ in found.subfragments if name in ("compute", "vector")]
        engines += [core for engine in engines for core, name, _ in engine.subfragments if name == "core0"]
        return {name for engine in engines for _, name, _ in engine.subfragments} & {"experts", "reuse"}

    assert parts(()) == set()
    assert parts(("experts",)) == {"experts"}
    assert parts(("kept_logits",)) == {"reuse"}


@pytest.mark.parametrize(
    ("name", "needed"), [("vit", set()), ("m3vit", {"experts"}), ("lookupvit", {"kept_logits"})], ids=str
)
@pytest.mark.parametrize("moment_blocks", [0, 64])
def test_a_program_says_which_optional_parts_it_needs(name: str, needed: set[str], moment_blocks: int) -> None:
    program = Case(quantized(name, 1), machine_of("8x8", buffers__moment_blocks=moment_blocks), 1).lowered.program
    needed = needed | ({"moments"} if moment_blocks else set())
    assert features(program.instructions) == needed
    assert assemble(program).machine["features"] == features_word(needed)


@pytest.mark.parametrize(
    ("arch", "said"),
    [
        (small("9x4x4"), "the accelerator must have 8 arrays or fewer, not 9"),
        (
            replace(small(), numerics=replace(Arch().numerics, weight_bits=4)),
            "weights of the accelerator must be of 8 bits, not 4",
        ),
    ],
)
def test_what_there_is_not_is_refused(arch: Arch, said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        accelerator_of(arch)
