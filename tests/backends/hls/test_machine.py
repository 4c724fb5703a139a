"""The machine in C++ has the numbers of its programs' header."""

from __future__ import annotations

import pytest

from vitaccel.arch import Arch
from vitaccel.backends.hls.machine import machine_header
from vitaccel.backends.rtl.assemble import machine_parameters
from vitaccel_rtl.accelerator.isa import FEATURES, HEADER, MAGIC


def test_it_has_the_header_and_every_size() -> None:
    arch = Arch().with_pe("16x16").with_settings({"numerics.logit_fraction_bits": "8"})
    parameters = machine_parameters(arch)
    text = machine_header(parameters, arch.numerics, kept_rows=123)
    for name in ("side", "activation_words", "weight_words", "parameter_sets", "logit_words", "moment_blocks"):
        assert f"    static constexpr int {name.upper()} = {parameters[name]};\n" in text
    assert "    static constexpr int KEPT_ROWS = 123;\n" in text
    line = next(line for line in text.splitlines() if " HEADER[" in line)
    words = [int(word, 16) for word in line.split("{")[1].split("}")[0].split(", ")]
    assert len(words) == len(HEADER)
    found = dict(zip([field.name for field in HEADER], words, strict=True))
    assert found["magic"] == MAGIC
    assert parameters.items() <= found.items()
    assert found["features"] == (1 << len(FEATURES)) - 1


@pytest.mark.parametrize(("blocks", "lacks"), [(0, 4), (1, 0), (64, 0)])
def test_it_has_the_feature_of_moments_if_it_has_a_place(blocks: int, lacks: int) -> None:
    arch = Arch().with_pe("8x8").with_settings({"buffers.moment_blocks": str(blocks)})
    text = machine_header(machine_parameters(arch), arch.numerics, kept_rows=1)
    assert f"    static constexpr int MOMENT_BLOCKS = {blocks};\n" in text
    assert f", {(1 << len(FEATURES)) - 1 - lacks:#x}}};" in text


def test_logits_of_8_fraction_bits_have_lines() -> None:
    for bits, expected in ((6, "MANTISSAS[64]"), (8, "BASES[16]")):
        arch = Arch().with_settings({"numerics.logit_fraction_bits": str(bits)})
        text = machine_header(machine_parameters(arch.with_pe("8x8")), arch.numerics, kept_rows=1)
        logits = text[text.index("struct LogitPowers") : text.index("struct RouterPowers")]
        assert expected in logits
