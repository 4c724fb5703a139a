/* Driver of a vitaccel accelerator; vitaccel_driver.h says what the functions do. Made by vitaccel. */
#include "vitaccel_driver.h"

#include <time.h>

/* How often the status is read until the accelerator is at rest. */
enum { MOST_POLLS = 100000 };

enum { ENGINES = 4, WORD_BYTES = 4 };

#define DONE_OR_ERROR (VITACCEL_INTERRUPT_PENDING_DONE_MASK | VITACCEL_INTERRUPT_PENDING_ERROR_MASK)

static uint32_t get(const vitaccel_bus *bus, uint32_t address) { return bus->read32(bus->context, address); }

static void put(const vitaccel_bus *bus, uint32_t address, uint32_t value) {
    bus->write32(bus->context, address, value);
}

int vitaccel_load(const vitaccel_bus *bus, uint64_t address, const void *content, size_t count) {
    return bus->write_memory(bus->context, address, content, count);
}

int vitaccel_fetch(const vitaccel_bus *bus, uint64_t address, void *content, size_t count) {
    return bus->read_memory(bus->context, address, content, count);
}

void vitaccel_start(const vitaccel_bus *bus, uint32_t program) {
    put(bus, VITACCEL_INTERRUPT_PENDING_OFFSET, DONE_OR_ERROR);
    put(bus, VITACCEL_INTERRUPT_ENABLE_OFFSET,
        VITACCEL_INTERRUPT_ENABLE_DONE_MASK | VITACCEL_INTERRUPT_ENABLE_ERROR_MASK);
    put(bus, VITACCEL_PROGRAM_OFFSET, program);
    put(bus, VITACCEL_CONTROL_OFFSET, VITACCEL_CONTROL_START_MASK);
}

static int rest(const vitaccel_bus *bus) {
    for (long poll = 0; poll < MOST_POLLS; poll++)
        if (!(get(bus, VITACCEL_STATUS_OFFSET) & VITACCEL_STATUS_BUSY_MASK)) return VITACCEL_FINE;
    return VITACCEL_TIMEOUT;
}

int vitaccel_wait(const vitaccel_bus *bus, double limit) {
    uint32_t code;
    if (!bus->wait(bus->context, limit)) return VITACCEL_TIMEOUT;
    put(bus, VITACCEL_INTERRUPT_PENDING_OFFSET, DONE_OR_ERROR);
    code = (get(bus, VITACCEL_STATUS_OFFSET) & VITACCEL_STATUS_ERROR_MASK) >> VITACCEL_STATUS_ERROR_SHIFT;
    if (!code) return VITACCEL_FINE;
    return rest(bus) ? VITACCEL_TIMEOUT : (int)code;
}

int vitaccel_run(const vitaccel_bus *bus, uint32_t program, double limit, uint64_t *cycles) {
    int code;
    vitaccel_start(bus, program);
    code = vitaccel_wait(bus, limit);
    if (cycles) *cycles = vitaccel_cycles(bus);
    return code;
}

int vitaccel_stop(const vitaccel_bus *bus) {
    put(bus, VITACCEL_CONTROL_OFFSET, VITACCEL_CONTROL_STOP_MASK);
    return rest(bus);
}

uint64_t vitaccel_cycles(const vitaccel_bus *bus) {
    const uint64_t low = get(bus, VITACCEL_CYCLES_LOW_OFFSET);
    return low | (uint64_t)get(bus, VITACCEL_CYCLES_HIGH_OFFSET) << 32;
}

vitaccel_counts vitaccel_counters(const vitaccel_bus *bus) {
    vitaccel_counts counts;
    for (uint32_t engine = 0; engine < ENGINES; engine++) {
        counts.completed[engine] = get(bus, VITACCEL_COMPLETED_LOAD_OFFSET + WORD_BYTES * engine);
        counts.busy[engine] = get(bus, VITACCEL_BUSY_LOAD_OFFSET + WORD_BYTES * engine);
        counts.waiting[engine] = get(bus, VITACCEL_WAITING_LOAD_OFFSET + WORD_BYTES * engine);
        counts.idle[engine] = get(bus, VITACCEL_IDLE_LOAD_OFFSET + WORD_BYTES * engine);
    }
    return counts;
}

const char *vitaccel_cause(int code) {
    static const char *const causes[] = {"none",  "magic",     "version", "machine", "length",
                                         "fetch", "operation", "load",    "store"};
    if (code == VITACCEL_TIMEOUT) return "timeout";
    if (code == VITACCEL_OUTSIDE) return "outside";
    return code >= 0 && code < (int)(sizeof causes / sizeof causes[0]) ? causes[code] : "unknown";
}

/* ---- mapped registers and memory ------------------------------------------------------------------------------- */

static uint32_t mapped_read32(void *context, uint32_t address) {
    return ((vitaccel_mapped *)context)->registers[address / WORD_BYTES];
}

static void mapped_write32(void *context, uint32_t address, uint32_t value) {
    ((vitaccel_mapped *)context)->registers[address / WORD_BYTES] = value;
}

static volatile uint8_t *place(const vitaccel_mapped *mapped, uint64_t address, size_t count) {
    const uint64_t first = address - mapped->memory_base;
    if (address < mapped->memory_base || first > mapped->memory_bytes || count > mapped->memory_bytes - first)
        return NULL;
    return mapped->memory + first;
}

static int mapped_read_memory(void *context, uint64_t address, void *content, size_t count) {
    volatile uint8_t *from = place(context, address, count);
    if (!from) return VITACCEL_OUTSIDE;
    for (size_t at = 0; at < count; at++) ((uint8_t *)content)[at] = from[at];
    return VITACCEL_FINE;
}

static int mapped_write_memory(void *context, uint64_t address, const void *content, size_t count) {
    volatile uint8_t *to = place(context, address, count);
    if (!to) return VITACCEL_OUTSIDE;
    for (size_t at = 0; at < count; at++) to[at] = ((const uint8_t *)content)[at];
    return VITACCEL_FINE;
}

static int mapped_wait(void *context, double limit) {
    const clock_t began = clock();
    for (;;) {
        if (mapped_read32(context, VITACCEL_INTERRUPT_PENDING_OFFSET) & DONE_OR_ERROR) return 1;
        if ((double)(clock() - began) / CLOCKS_PER_SEC > limit) return 0;
    }
}

vitaccel_bus vitaccel_mapped_bus(vitaccel_mapped *mapped) {
    const vitaccel_bus bus = {mapped,      mapped_read32, mapped_write32, mapped_read_memory, mapped_write_memory,
                              mapped_wait};
    return bus;
}
