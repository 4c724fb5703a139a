"""All C++ of a machine: whatever a file includes of ours is there, and no path of a machine is."""

from __future__ import annotations

import re

from vitaccel.arch import Arch
from vitaccel.backends.hls.sources import hls_headers, hls_sources
from vitaccel.backends.rtl.assemble import machine_parameters

GIVEN_BY_THE_NETWORK = {"network.hpp"}

OF_HLS_TOOLS = {"<ap_int.h>", "<hls_stream.h>"}


def sources() -> dict[str, str]:
    arch = Arch().with_pe("8x8")
    return hls_sources(machine_parameters(arch), arch.numerics, kept_rows=4096)


def test_what_is_included_is_there() -> None:
    found = sources()
    for name, text in found.items():
        ours = set(re.findall(r'#include "(.*?)"', text))
        assert ours <= set(found) | GIVEN_BY_THE_NETWORK, name


def test_headers_take_of_a_library_what_an_hls_tool_has() -> None:
    included = {each for text in hls_headers().values() for each in re.findall(r"#include (<.*?>)", text)}
    threads = {"<condition_variable>", "<mutex>", "<thread>"}
    fast = {"<cstddef>", "<immintrin.h>", "<vector>"}
    plain = {"<cstdint>", "<cstdio>", "<cstdlib>", "<deque>", "<type_traits>"}
    assert included == OF_HLS_TOOLS | plain | threads | fast


def test_the_project_is_whole() -> None:
    names = {name for name in sources() if "/" not in name}
    assert names == {
        "Makefile",
        "machine.hpp",
        "model.cpp",
        "test_bench.cpp",
        "vitaccel.cpp",
        "vitaccel.hpp",
        "vitis_hls.tcl",
    }
