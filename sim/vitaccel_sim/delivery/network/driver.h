/* Driver of a vitaccel accelerator, in C99: load its memory, run a program, read what came out.
 *
 * Made by vitaccel. The same functions as driver.py has, on the same registers. What it talks to is a bus: registers and
 * memory that are mapped (vitaccel_mapped_bus below), or functions of your own.
 */
#ifndef VITACCEL_DRIVER_H
#define VITACCEL_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "vitaccel_registers.h"

/* What functions return: 0, or what went wrong. Numbers above 0 are the error code of the register `status`. */
enum { VITACCEL_FINE = 0, VITACCEL_TIMEOUT = -1, VITACCEL_OUTSIDE = -2 };

/* How registers and memory of an accelerator are reached. */
typedef struct {
    void *context;
    /* A register at a byte address, in one access of 32 bits. */
    uint32_t (*read32)(void *context, uint32_t address);
    void (*write32)(void *context, uint32_t address, uint32_t value);
    /* Bytes of the accelerator's memory; VITACCEL_FINE or VITACCEL_OUTSIDE. */
    int (*read_memory)(void *context, uint64_t address, void *content, size_t count);
    int (*write_memory)(void *context, uint64_t address, const void *content, size_t count);
    /* Wait for an interrupt, so many seconds at most; 1 if it came, else 0. */
    int (*wait)(void *context, double limit);
} vitaccel_bus;

/* What the accelerator counted of the last run, by engine: load, compute, vector, store. */
typedef struct {
    uint32_t completed[4], busy[4], waiting[4], idle[4];
} vitaccel_counts;

/* Put bytes into the memory: a program, weights, inputs. Take them from it: outputs. */
int vitaccel_load(const vitaccel_bus *bus, uint64_t address, const void *content, size_t count);
int vitaccel_fetch(const vitaccel_bus *bus, uint64_t address, void *content, size_t count);

/* Start the program at an address of the memory; its end, or an error, interrupts. */
void vitaccel_start(const vitaccel_bus *bus, uint32_t program);

/* Wait until the run has ended: VITACCEL_FINE, VITACCEL_TIMEOUT, or the code of an error. After an error the accelerator
 * is at rest and may be started again. */
int vitaccel_wait(const vitaccel_bus *bus, double limit);

/* Start and wait; the cycles of the run go to *cycles, unless that is NULL. */
int vitaccel_run(const vitaccel_bus *bus, uint32_t program, double limit, uint64_t *cycles);

/* Bring the accelerator back to where it can be started, whatever it does: VITACCEL_FINE or VITACCEL_TIMEOUT. */
int vitaccel_stop(const vitaccel_bus *bus);

/* Cycles of the run so far, or of the last one. */
uint64_t vitaccel_cycles(const vitaccel_bus *bus);
vitaccel_counts vitaccel_counters(const vitaccel_bus *bus);

/* What a code means, in a word. */
const char *vitaccel_cause(int code);

/* Registers and memory in the address space of this program. */
typedef struct {
    volatile uint32_t *registers;
    volatile uint8_t *memory;
    uint64_t memory_base;  /* address at which the accelerator sees its first byte */
    uint64_t memory_bytes;
} vitaccel_mapped;

/* A bus of them. It waits by reading `interrupt_pending`; put a function of your own there to sleep meanwhile. */
vitaccel_bus vitaccel_mapped_bus(vitaccel_mapped *mapped);

#endif
