// C interface of a Verilated component: ports by address, clock ticks and whole streams without Python in between.
//
// Compiled with ports.h, which names the ports: PORTS(X) is X(i___05Fpayload) X(clk) ... in the order of Verilog.ports.

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "Vtop.h"
#include "model.h"
#include "ports.h"
#include "verilated.h"
#include "verilated_sym_props.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

struct Model {
  VerilatedContext context;
  std::unique_ptr<Vtop> top;
  int64_t cycle = 0;
#if VM_TRACE
  std::unique_ptr<VerilatedVcdC> waveform;
  int64_t first = 0, end = 0;
#endif
  explicit Model(int seed) {
    context.randSeed(seed);
#if VM_TRACE
    context.traceEverOn(true);
#endif
    context.randReset(2);  // what Verilog does not initialize is random, so that reading it shows
    top = std::make_unique<Vtop>(&context);
#define CLEAR(port) std::memset(&top->port, 0, sizeof(top->port));
    PORTS(CLEAR)
#undef CLEAR
  }
};

namespace {

struct Slot {
  void *address;
  size_t bytes;
};

Slot slot(Model *model, int index) {
#define SLOT(port) Slot{&model->top->port, sizeof(model->top->port)},
  const Slot slots[] = {PORTS(SLOT)};
#undef SLOT
  return slots[index];
}

// In a waveform, cycle c is from 10 c on, and its clock edge at 10 c + 5.
void dump([[maybe_unused]] Model *model, [[maybe_unused]] int offset) {
#if VM_TRACE
  if (!model->waveform || model->cycle < model->first) return;
  if (model->cycle >= model->end) {
    model->waveform->close();
    model->waveform.reset();
    return;
  }
  model->waveform->dump(static_cast<uint64_t>(10 * model->cycle + offset));
#endif
}

void edge(Model *model) {
  dump(model, 0);
  model->top->CLOCK = 1;
  model->top->eval();
  dump(model, 5);
  model->top->CLOCK = 0;
  ++model->cycle;
}

bool bit(Slot port) { return *static_cast<uint8_t *>(port.address) & 1; }

void set(Slot port, bool value) { *static_cast<uint8_t *>(port.address) = value; }

// Whether a side acts: 0 never, 1 always, 2 if the other side was not active in the cycle before, 3 if it was.
bool acts(uint8_t when, bool other_was_active) {
  return when == 1 || (when == 2 && !other_was_active) || (when == 3 && other_was_active);
}

}  // namespace

extern "C" {

Model *model_new(int seed) { return new Model(seed); }

void model_delete(Model *model) {
  Verilated::threadContextp(&model->context);  // from there Verilator takes the names of signals away
  model->top->final();
#if VM_TRACE
  if (model->waveform) model->waveform->close();
#endif
  delete model;
}

void *model_port(Model *model, int index) { return slot(model, index).address; }

int64_t model_port_bytes(Model *model, int index) { return slot(model, index).bytes; }

void model_eval(Model *model) { model->top->eval(); }

void model_edge(Model *model) { edge(model); }

int64_t model_cycles(Model *model) { return model->cycle; }

void *model_variable(Model *model, const char *scope, const char *name, int64_t *entries, int64_t *bytes) {
  const VerilatedScope *place = model->context.scopeFind(scope);
  VerilatedVar *variable = place ? place->varFind(name) : nullptr;
  if (!variable) return nullptr;
  *bytes = variable->entSize();
  *entries = variable->totalSize() / variable->entSize();
  return variable->datap();
}

bool model_trace([[maybe_unused]] Model *model, [[maybe_unused]] const char *path, [[maybe_unused]] int64_t first,
                 [[maybe_unused]] int64_t end) {
#if VM_TRACE
  if (model->waveform) model->waveform->close();
  model->waveform = std::make_unique<VerilatedVcdC>();
  model->top->trace(model->waveform.get(), 99);
  model->waveform->open(path);
  model->first = first;
  model->end = end;
  return model->waveform->isOpen();
#else
  return false;
#endif
}

void model_tick(Model *model, int64_t cycles) {
  for (int64_t cycle = 0; cycle < cycles; ++cycle) {
    model->top->eval();
    edge(model);
  }
  model->top->eval();
}

// Offer `words` and take `results`, until all are through and `tail` cycles more, or `limit` cycles have passed. In cycle
// c a word is offered if offer[c % offers] says so, and then until it is taken; results are taken if take[c % takes] says
// so. `ports` are payload, valid and ready of the input, then of the output. `accepted`, `offered` and `taken` get the
// cycle of each word. Returns the cycles; `counts` gets the words that went in and came out, and the breaches of the rules
// of a stream: payloads that changed and valids that fell before a word was taken, and words too many. What the input's
// payload is while it is not valid must not matter, so it is another word.
int64_t model_stream(Model *model, const int *ports, const uint8_t *words, const uint8_t *offer, int64_t offers,
                     uint8_t *results, const uint8_t *take, int64_t takes, int64_t limit, int64_t tail,
                     int64_t *accepted, int64_t *offered, int64_t *taken, int64_t *counts) {
  const Slot in = slot(model, ports[0]), in_valid = slot(model, ports[1]), in_ready = slot(model, ports[2]);
  const Slot out = slot(model, ports[3]), out_valid = slot(model, ports[4]), out_ready = slot(model, ports[5]);
  const int64_t to_offer = counts[0], to_take = counts[1];
  const uint8_t *address = static_cast<const uint8_t *>(out.address);
  std::vector<uint8_t> held(out.bytes);
  int64_t next = 0, got = 0, cycle = 0, changed = 0, fell = 0, extra = 0;
  bool offering = false, waiting = false, was_ready = false, was_valid = false;
  for (; cycle < limit; ++cycle) {
    if (next == to_offer && got == to_take && tail-- <= 0) break;
    if (!offering && next < to_offer && acts(offer[cycle % offers], was_ready)) {
      std::memcpy(in.address, words + next * in.bytes, in.bytes);
      offering = true;
    } else if (!offering && to_offer) {
      std::memcpy(in.address, words + (cycle * 7 + 3) % to_offer * in.bytes, in.bytes);
    }
    set(in_valid, offering);
    set(out_ready, got < to_take && acts(take[cycle % takes], was_valid));
    model->top->eval();
    was_ready = bit(in_ready);
    was_valid = bit(out_valid);
    if (offering && was_ready) {
      accepted[next++] = cycle;
      offering = false;
    }
    fell += waiting && !was_valid;
    changed += waiting && was_valid && std::memcmp(held.data(), address, out.bytes) != 0;
    if (was_valid && !waiting) {
      if (got < to_take) offered[got] = cycle;
      extra += got == to_take;
      held.assign(address, address + out.bytes);
    }
    waiting = was_valid && !bit(out_ready);
    if (was_valid && !waiting) {
      std::memcpy(results + got * out.bytes, address, out.bytes);
      taken[got++] = cycle;
    }
    edge(model);
  }
  set(in_valid, false);
  set(out_ready, false);
  model->top->eval();
  const int64_t found[] = {next, got, changed, fell, extra};
  std::memcpy(counts, found, sizeof(found));
  return cycle;
}

}
