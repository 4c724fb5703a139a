// C interface of a Verilated component: ports by address, clock ticks and whole streams without Python in between.
//
// Compiled with ports.h, which names the ports: PORTS(X) is X(i___05Fpayload) X(clk) ... in the order of Verilog.ports.

#include <cstdint>
#include <cstring>
#include <memory>

#include "Vtop.h"
#include "ports.h"
#include "verilated.h"

namespace {

struct Model {
  VerilatedContext context;
  std::unique_ptr<Vtop> top;
  explicit Model(int seed) {
    context.randSeed(seed);
    context.randReset(2);  // what Verilog does not initialize is random, so that reading it shows
    top = std::make_unique<Vtop>(&context);
#define CLEAR(port) std::memset(&top->port, 0, sizeof(top->port));
    PORTS(CLEAR)
#undef CLEAR
  }
};

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

void edge(Model *model) {
  model->top->CLOCK = 1;
  model->top->eval();
  model->top->CLOCK = 0;
}

bool bit(Slot port) { return *static_cast<uint8_t *>(port.address) & 1; }

void set(Slot port, bool value) { *static_cast<uint8_t *>(port.address) = value; }

}  // namespace

extern "C" {

Model *model_new(int seed) { return new Model(seed); }

void model_delete(Model *model) {
  model->top->final();
  delete model;
}

void *model_port(Model *model, int index) { return slot(model, index).address; }

int64_t model_port_bytes(Model *model, int index) { return slot(model, index).bytes; }

void model_eval(Model *model) { model->top->eval(); }

void model_tick(Model *model, int64_t cycles) {
  for (int64_t cycle = 0; cycle < cycles; ++cycle) {
    model->top->eval();
    edge(model);
  }
  model->top->eval();
}

// Offer `words` and take `results`, until all are through or `limit` cycles have passed. In cycle c a word is offered if
// offer[c % offers], and then until it is taken; results are taken if take[c % takes]. `ports` are payload, valid and
// ready of the input, then of the output. `accepted` and `taken` get the cycle of each word. Returns the cycles; the
// words that went in and came out are left in `counts`.
int64_t model_stream(Model *model, const int *ports, const uint8_t *words, const uint8_t *offer, int64_t offers,
                     uint8_t *results, const uint8_t *take, int64_t takes, int64_t limit, int64_t *accepted,
                     int64_t *taken, int64_t *counts) {
  const Slot in = slot(model, ports[0]), in_valid = slot(model, ports[1]), in_ready = slot(model, ports[2]);
  const Slot out = slot(model, ports[3]), out_valid = slot(model, ports[4]), out_ready = slot(model, ports[5]);
  const int64_t to_offer = counts[0], to_take = counts[1];
  int64_t next = 0, got = 0, cycle = 0;
  bool offered = false;
  for (; cycle < limit && (next < to_offer || got < to_take); ++cycle) {
    if (!offered && next < to_offer && offer[cycle % offers]) {
      std::memcpy(in.address, words + next * in.bytes, in.bytes);
      offered = true;
    }
    set(in_valid, offered);
    set(out_ready, got < to_take && take[cycle % takes]);
    model->top->eval();
    if (offered && bit(in_ready)) {
      accepted[next++] = cycle;
      offered = false;
    }
    if (bit(out_valid) && bit(out_ready)) {
      std::memcpy(results + got * out.bytes, out.address, out.bytes);
      taken[got++] = cycle;
    }
    edge(model);
  }
  set(in_valid, false);
  set(out_ready, false);
  model->top->eval();
  counts[0] = next;
  counts[1] = got;
  return cycle;
}

}
