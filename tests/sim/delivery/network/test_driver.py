"""The driver in C against a register file that answers as the accelerator does, compiled by the C compiler there is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vitaccel_rtl.accelerator.control_map import ERRORS, machine_registers
from vitaccel_rtl.register_map import c_header
from vitaccel_sim.delivery.network.deliver import COPIED

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no C compiler")

FAKE = r"""
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "vitaccel_driver.h"

/* A register file: `start` runs at once; the status tells of `error`, and is busy for so many reads. */
typedef struct {
    uint32_t words[256];
    uint8_t memory[64];
    uint32_t error, busy_reads, interrupts, starts, stops;
} fake;

static uint32_t fake_read(void *context, uint32_t address) {
    fake *f = context;
    assert(address % 4 == 0 && address < sizeof f->words);
    if (address == VITACCEL_STATUS_OFFSET)
        return f->error << VITACCEL_STATUS_ERROR_SHIFT |
               (f->busy_reads && f->busy_reads-- ? VITACCEL_STATUS_BUSY_MASK : VITACCEL_STATUS_DONE_MASK);
    return f->words[address / 4];
}

static void fake_write(void *context, uint32_t address, uint32_t value) {
    fake *f = context;
    assert(address % 4 == 0 && address < sizeof f->words);
    if (address == VITACCEL_INTERRUPT_PENDING_OFFSET) { f->words[address / 4] &= ~value; return; }
    if (address == VITACCEL_CONTROL_OFFSET) {
        f->stops += value & VITACCEL_CONTROL_STOP_MASK ? 1 : 0;
        if (value & VITACCEL_CONTROL_START_MASK) {
            f->starts++;
            if (f->interrupts) f->words[VITACCEL_INTERRUPT_PENDING_OFFSET / 4] |= 1;
        }
        return;
    }
    f->words[address / 4] = value;
}

static int fake_wait(void *context, double limit) {
    fake *f = context;
    assert(limit == 2.5);
    return (f->words[VITACCEL_INTERRUPT_PENDING_OFFSET / 4] & f->words[VITACCEL_INTERRUPT_ENABLE_OFFSET / 4]) != 0;
}

int main(void) {
    static fake f;
    uint8_t found[4] = {0};
    uint64_t cycles = 0;
    vitaccel_mapped mapped = {f.words, f.memory, 0x1000, sizeof f.memory};
    vitaccel_bus bus = vitaccel_mapped_bus(&mapped);

    /* Mapped memory: what is outside is refused, and nothing moves. */
    assert(vitaccel_load(&bus, 0x1000 + 60, "\1\2\3\4", 4) == VITACCEL_FINE && f.memory[63] == 4);
    assert(vitaccel_fetch(&bus, 0x1000 + 60, found, 4) == VITACCEL_FINE && !memcmp(found, "\1\2\3\4", 4));
    assert(vitaccel_load(&bus, 0x1000 + 61, "\5\6\7\10", 4) == VITACCEL_OUTSIDE && f.memory[61] == 2);
    assert(vitaccel_fetch(&bus, 0xFFF, found, 1) == VITACCEL_OUTSIDE);
    assert(vitaccel_fetch(&bus, 0x1000, found, (size_t)-1) == VITACCEL_OUTSIDE);

    /* Mapped registers: plain words here, in which an interrupt stands pending. */
    f.words[VITACCEL_CYCLES_LOW_OFFSET / 4] = 0xFFFFFFFF;
    f.words[VITACCEL_CYCLES_HIGH_OFFSET / 4] = 2;
    assert(vitaccel_run(&bus, 0x40, 1.0, &cycles) == VITACCEL_FINE && cycles == 0x2FFFFFFFF);
    assert(f.words[VITACCEL_PROGRAM_OFFSET / 4] == 0x40);
    assert(f.words[VITACCEL_CONTROL_OFFSET / 4] == VITACCEL_CONTROL_START_MASK);
    f.words[VITACCEL_INTERRUPT_PENDING_OFFSET / 4] = 0;
    assert(bus.wait(bus.context, 0.01) == 0);

    /* A register file that answers. */
    bus.read32 = fake_read, bus.write32 = fake_write, bus.wait = fake_wait, bus.context = &f;
    f.interrupts = 1;
    assert(vitaccel_run(&bus, 0x80, 2.5, NULL) == VITACCEL_FINE && f.starts == 1);
    assert(f.words[VITACCEL_INTERRUPT_PENDING_OFFSET / 4] == 0 && f.words[VITACCEL_INTERRUPT_ENABLE_OFFSET / 4] == 3);
    f.error = 3, f.busy_reads = 5;
    assert(vitaccel_run(&bus, 0x80, 2.5, NULL) == 3 && f.busy_reads == 0);
    f.error = 0, f.interrupts = 0;
    assert(vitaccel_run(&bus, 0x80, 2.5, NULL) == VITACCEL_TIMEOUT);
    f.busy_reads = 7;
    assert(vitaccel_stop(&bus) == VITACCEL_FINE && f.stops == 1 && f.busy_reads == 0);
    f.busy_reads = 1000000;
    assert(vitaccel_stop(&bus) == VITACCEL_TIMEOUT);

    for (uint32_t word = 0; word < 256; word++) f.words[word] = 4 * word;
    const vitaccel_counts counts = vitaccel_counters(&bus);
    assert(counts.completed[1] == VITACCEL_COMPLETED_COMPUTE_OFFSET && counts.busy[0] == VITACCEL_BUSY_LOAD_OFFSET);
    assert(counts.waiting[2] == VITACCEL_WAITING_VECTOR_OFFSET && counts.idle[3] == VITACCEL_IDLE_STORE_OFFSET);
    for (int code = -2; code < 10; code++) puts(vitaccel_cause(code));
    return 0;
}
"""


def compiled(folder: Path, source: str) -> Path:
    """Compile the driver and a program that uses it, with every warning an error."""
    for name in ("vitaccel_driver.h", "vitaccel_driver.c"):
        (folder / name).write_text(COPIED[name].read_text())
    (folder / "vitaccel_registers.h").write_text(c_header(machine_registers(), prefix="vitaccel"))
    (folder / "fake.c").write_text(source)
    command = ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", "fake.c", "vitaccel_driver.c"]
    done = subprocess.run([*command, "-o", "fake"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "fake"


def test_the_driver_does_what_the_one_in_python_does(tmp_path: Path) -> None:
    done = subprocess.run([compiled(tmp_path, FAKE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["outside", "timeout", *ERRORS, "unknown"]


def test_a_driver_that_does_not_wait_for_rest_is_found(tmp_path: Path) -> None:
    program = compiled(tmp_path, FAKE)
    driver = tmp_path / "vitaccel_driver.c"
    driver.write_text(
        driver.read_text().replace("return rest(bus) ? VITACCEL_TIMEOUT : (int)code;", "return (int)code;")
    )
    subprocess.run(["gcc", "-std=c99", "-O1", "fake.c", "vitaccel_driver.c", "-o", "fake"], cwd=tmp_path, check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "busy_reads == 0" in done.stderr
