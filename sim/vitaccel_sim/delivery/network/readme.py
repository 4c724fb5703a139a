"""The README of a delivered network: what the files are, how to run them, how to use the accelerator."""

from __future__ import annotations

from collections.abc import Sequence

from vitaccel.arch import Arch
from vitaccel.backends.rtl.memory_map import MappedTensor, MemoryMap
from vitaccel_rtl.header import MARK

README = "README.md"

NETWORK_MARK = f"{MARK} gen-rtl for a network"
"""Is in the README of a delivered network, which names all of its files; in no other file."""

FILES = (
    (
        "vitaccel.sv",
        "the accelerator, module `vitaccel`: SystemVerilog without a vendor's primitive, ports in its header",
    ),
    ("program.bin", "the program; `vitaccel disasm program.bin` shows it"),
    ("weights.bin", "weights, parameter sets and tables, as they stand in memory from its first byte on"),
    ("memory_map.json", "addresses, sizes and layouts of program, weights and tensors; when each tensor is whole"),
    ("registers.json", "the registers, for the driver"),
    ("registers.md", "the registers, for people"),
    ("vitaccel_registers.h", "the registers, for C"),
    ("vitaccel_driver.h", "the driver in C99: what its functions do"),
    ("vitaccel_driver.c", "the driver in C99"),
    ("driver.py", "the driver in Python, of the standard library alone"),
    ("mapped.py", "registers and memory that Linux maps (UIO), for the driver in Python"),
    ("serial_bus.py", "registers and memory of a board behind a serial line, for the driver in Python"),
    ("golden.npz", "`input.TENSOR` and `output.TENSOR`, integers `[runs, frames, tokens, channels]`, and `cycles`"),
    ("model.onnx", "the quantized model"),
    ("machine.json", "the machine: array, bus, buffers, number formats"),
    ("test_vitaccel.py", "the cocotb bench"),
    ("Makefile", "runs the bench, the verification, the linter and the C compiler"),
    (README, "this text"),
)

TEXT = """# {name} on vitaccel

{mark}: the accelerator in `vitaccel.sv` runs {name} and gives the integers of vitaccel's
interpreter, every one.

| | |
|---|---|
{facts}

## Files

{files}

## To see that it is right

```sh
vitaccel verify .            # outputs, every tensor on the way, cycles; --inputs images.npz runs your own images
make                         # the cocotb bench in Verilator; SIM=icarus: in Icarus Verilog; IMAGES={images}: all images
make lint                    # Verilator's warnings: none
make driver                  # compiles the driver in C
```

The Python that make finds must have vitaccel (`make PYTHON=...` names another one), installed by
`pip install 'vitaccel[rtl,sim,torch]'`.

## In a design

`vitaccel` has one clock `clk`, a synchronous reset `rst`, active high, and

- `s_axi_*`, AXI4-Lite, 32 bits: registers ([registers.md](registers.md));
- `m_axi_*`, AXI4, {bus_bits} bits: weights, inputs, outputs;
- `p_axi_*`, AXI4, 64 bits, reads only: the program. An interconnect may join it with `m_axi_*`;
- `interrupt`, high while an interrupt that is enabled is pending.

Both masters see the same {memory_bytes} bytes of memory from address 0 on:

| from | bytes | what |
|---|---|---|
{places}

A host puts `weights.bin` and `program.bin` there once, and the inputs before each run; the outputs are there after it.
`memory_map.json` says how the numbers of a tensor stand: {layout}.

## From Python

```python
import json
from driver import Accelerator
from mapped import MappedBus

bus = MappedBus("/dev/uio0", "/dev/mem", memory_offset=0x4000_0000, memory_base=0, memory_bytes={memory_bytes})
accelerator = Accelerator.from_file(bus, "registers.json")
memory = json.load(open("memory_map.json"))
accelerator.load(memory["weights"], open("weights.bin", "rb").read())
accelerator.load(memory["program"], open("program.bin", "rb").read())
accelerator.load({input_address:#x}, image)  # {input_bytes} bytes: {input_name}
cycles = accelerator.run(memory["program"], 10.0)
scores = accelerator.fetch({output_address:#x}, {output_bytes})  # {output_name}
```

The same `Accelerator` runs on the simulation: `vitaccel_sim.accelerator.runner.SimulatedAccelerator`.

## On an FPGA

```sh
vitaccel synth .                            # area by block, frequency and slowest path on an ECP5; --target xcup, xc7
vitaccel synth . --board ulx3s -o board.bit # the whole system for a ULX3S, if memory and accelerator fit it
```

That board is driven over its serial port, by the driver above with another bus:

```python
from serial_bus import SerialBus, SerialPort

bus = SerialBus(SerialPort("/dev/ttyUSB0", 1_000_000))
```

## From C

```c
#include "vitaccel_driver.h"

vitaccel_mapped mapped = {{registers, memory, 0, {memory_bytes}}};
const vitaccel_bus bus = vitaccel_mapped_bus(&mapped);
uint64_t cycles;
vitaccel_load(&bus, {weights:#x}, weights, {weights_bytes});
vitaccel_load(&bus, {program:#x}, program, {program_bytes});
vitaccel_load(&bus, {input_address:#x}, image, {input_bytes});
int code = vitaccel_run(&bus, {program:#x}, 10.0, &cycles); /* 0, or vitaccel_cause(code) */
vitaccel_fetch(&bus, {output_address:#x}, scores, {output_bytes});
```
"""


def readme(
    memory: MemoryMap, arch: Arch, *, instructions: int, cycles: int, images: int, has_experts: bool = False
) -> str:
    """Return the text of ``README.md``.

    Parameters
    ----------
    memory, arch
        Of the network and of the machine.
    instructions, cycles
        Of the program, and of a run with a memory of the machine's latency.
    images
        Golden vectors.
    has_experts
        Whether cycles are those of tokens that spread evenly over experts.
    """
    source, target = memory.tensor(memory.inputs[0]), memory.tensor(memory.outputs[0])
    facts = (
        ("array", f"{arch.array.side} x {arch.array.side} multipliers"),
        ("bus", f"{arch.memory.bus_bits} bits"),
        ("program", f"{instructions:,} instructions, {memory.program_bytes:,} bytes"),
        ("weights", f"{memory.weights_bytes:,} bytes, with tensors that live in memory"),
        ("MACs of a run", f"{memory.macs:,}"),
        *_speed(memory, arch, cycles, has_experts),
        ("golden vectors", str(images)),
    )
    return TEXT.format(
        name=memory.name,
        mark=NETWORK_MARK,
        facts="\n".join(f"| {name} | {value} |" for name, value in facts),
        files=_table(("file", "what it is"), [(f"`{name}`", what) for name, what in FILES]),
        images=images,
        bus_bits=arch.memory.bus_bits,
        memory_bytes=memory.memory_bytes,
        places="\n".join(_places(memory)),
        layout=_layout(source),
        weights=memory.weights,
        weights_bytes=memory.weights_bytes,
        program=memory.program,
        program_bytes=memory.program_bytes,
        input_name=source.name,
        input_address=source.dram,
        input_bytes=source.dram_bytes,
        output_name=target.name,
        output_address=target.dram,
        output_bytes=target.dram_bytes,
    )


def _speed(memory: MemoryMap, arch: Arch, cycles: int, has_experts: bool) -> tuple[tuple[str, str], ...]:
    latency = max(1, arch.memory.latency_cycles)
    spread = " and tokens that spread evenly over the experts" if has_experts else ""
    return (
        ("cycles of a run", f"{cycles:,} with a memory that answers after {latency} cycles{spread}"),
        ("utilization", f"{memory.macs / (cycles * memory.pes):.1%} of all multipliers in all cycles"),
    )


def _places(memory: MemoryMap) -> list[str]:
    places = [(memory.weights, memory.weights_bytes, "`weights.bin`")]
    places.append((memory.program, memory.program_bytes, "`program.bin`"))
    for kind, names in (("input", memory.inputs), ("output", memory.outputs)):
        places += [(memory.tensor(n).dram, memory.tensor(n).dram_bytes, f"{kind} `{n}`") for n in names]
    return [f"| `{address:#x}` | {count:,} | {what} |" for address, count, what in places]


def _layout(tensor: MappedTensor) -> str:
    number = f"int{8 * tensor.element_bytes}"
    return (
        f"`{tensor.name}` is {tensor.frames} x {tensor.tokens} x {tensor.channels} {number} in layout "
        f"`{tensor.layout}`, and `vitaccel.ir.layout.to_bytes` makes the bytes"
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (titles, ["---"] * len(titles), *rows))
