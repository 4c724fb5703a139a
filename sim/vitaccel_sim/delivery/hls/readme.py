"""The README of a network with the C++ of its accelerator: what the files are, and how to run them."""

from __future__ import annotations

from collections.abc import Mapping

from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import MemoryMap
from vitaccel_hls import INCLUDED
from vitaccel_rtl.header import MARK

README = "README.md"

HLS_MARK = f"{MARK} gen-hls for a network"
"""Is in the README of a delivered network, which names all of its files; in no other file."""

FILES = {
    "vitaccel.hpp": "the accelerator as one function, `vitaccel_top`",
    "vitaccel.cpp": "its processes and its interface; what an HLS tool makes hardware of",
    "machine.hpp": "the machine: sizes of its buffers, tables of its functions",
    "network.hpp": "where the network is in memory",
    "test_bench.cpp": "golden images through `vitaccel_top`, every byte of every output compared",
    "model.cpp": "the accelerator as a library for other languages, run instruction by instruction",
    "Makefile": "compiles and runs the test bench with g++",
    "vitis_hls.tcl": "C simulation, synthesis, co-simulation and export by Vitis HLS",
    "program.bin": "the program; `vitaccel disasm program.bin` shows it",
    "weights.bin": "weights, parameter sets and tables, as they stand in memory from its first byte on",
    "golden.bin": "inputs and outputs of the golden images, as they stand in memory",
    "memory_map.json": "addresses, sizes and layouts of program, weights and tensors",
    "model.onnx": "the quantized model",
    "machine.json": "the machine: array, bus, buffers, number formats",
    README: "this text",
}

TEXT = """# {name} on vitaccel, in C++

{mark}: `vitaccel_top` runs {name} and gives the integers of vitaccel's
interpreter, every one. `program.bin` and `weights.bin` are those that `vitaccel gen-rtl` writes for the same machine.

| | |
|---|---|
{facts}

## To see that it is right

```sh
make                    # the golden images in g++
make fast ROUNDS=100    # the same with tiles multiplied as processors like it: measures
make check              # with every access, every operation and the width of every number checked
make ap AP=DIR          # with the arbitrary-precision headers in DIR (ap_int.h) in place of the standard types
```

## Hardware

```sh
vitis_hls -f vitis_hls.tcl                        # C simulation and synthesis
vitis_hls -f vitis_hls.tcl -tclargs cosim export
```

No vendor's tool was at hand when this was made: what is checked is the C++, in g++: by `make` and `make check`, and by
`make ap` where there are such headers. The top is a dataflow region of six processes (fetch, load, compute, vector,
store, completions) that touch shared buffers; nothing but the waits in the program keeps them apart, so the buffers are
declared `unsync`.

## Files

| file | what it is |
|---|---|
{files}
"""


def readme(memory: MemoryMap, arch: Arch, sources: Mapping[str, str], instructions: int, *, images: int) -> str:
    """Return the text of ``README.md``.

    Parameters
    ----------
    memory, arch
        Of the network and of the machine.
    sources
        The C++ by file name: what a header is about is its first line.
    instructions
        Of the program.
    images
        Golden vectors.
    """
    facts = {
        "array": f"{arch.array.side} x {arch.array.side} multipliers",
        "program": f"{instructions:,} instructions, {memory.program_bytes:,} bytes",
        "weights": f"{memory.weights_bytes:,} bytes, with tensors that live in memory",
        "MACs of a run": f"{memory.macs:,}",
        "golden images": str(images),
    }
    headers = {
        name: text.splitlines()[0].removeprefix("// ").rstrip(".:")
        for name, text in sources.items()
        if name.startswith(f"{INCLUDED}/")
    }
    return TEXT.format(
        name=memory.name,
        mark=HLS_MARK,
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        files="\n".join(f"| `{name}` | {what} |" for name, what in (FILES | headers).items()),
    )
