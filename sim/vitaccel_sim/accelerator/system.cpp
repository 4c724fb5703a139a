// A system in one library: the accelerator, its memory, and whoever reads and writes its registers.

#include <cstdint>
#include <memory>
#include <vector>

#include "memory.h"
#include "model.h"
#include "registers.h"

// How a run ended; vitaccel_sim.accelerator.system has the same numbers.
enum Ending { INTERRUPTED, LIMIT_REACHED, FAULTY, STOPPED, COUNTED };

// Called every so many cycles with the cycles of the run; the run stops if it returns true.
using Progress = bool (*)(int64_t cycles);

struct System {
  Model *model;
  Dram dram;
  Fault fault;
  RegisterMaster registers;
  std::vector<std::unique_ptr<ReadSlave>> readers;
  std::vector<std::unique_ptr<WriteSlave>> writers;
  Pin reset, interrupt;
  int64_t cycle = 0;

  System(Model *model, const int *places) : model(model), registers(model, places + 2) {
    reset = Pin(model, places[0]);
    interrupt = Pin(model, places[1]);
  }

  // From the beginning of a cycle to where all outputs are settled and known.
  void settle() {
    for (auto &reader : readers) reader->drive(cycle);
    for (auto &writer : writers) writer->drive(cycle);
    model_eval(model);
    for (auto &reader : readers) reader->sample(cycle);
    for (auto &writer : writers) writer->sample(cycle);
  }

  // The end of the cycle.
  void edge() {
    model_edge(model);
    ++cycle;
  }

  // Lets cycles pass until `ends`, looked at when outputs are settled, or the limit. Returns whether it ended.
  template <typename Ends>
  bool until(Ends ends, int64_t limit) {
    for (int64_t passed = 0; passed < limit && !fault.is_there(); ++passed) {
      settle();
      const bool over = ends();
      const auto accepted = registers.accepted();
      edge();
      registers.advance(accepted);
      if (over) return true;
    }
    return false;
  }
};

extern "C" {

// `places`: rst, interrupt, and those of RegisterMaster.
System *system_new(Model *model, const int *places, uint8_t *bytes, uint64_t base, uint64_t size, bool refuses_outside) {
  auto *system = new System(model, places);
  system->dram = Dram{bytes, base, size, refuses_outside, {}};
  return system;
}

void system_delete(System *system) { delete system; }

void system_add_reader(System *system, const int *places, const char *master, const Behaviour *behaviour) {
  system->readers.push_back(
      std::make_unique<ReadSlave>(system->model, places, master, *behaviour, &system->dram, &system->fault));
}

void system_add_writer(System *system, const int *places, const char *master, const Behaviour *behaviour) {
  system->writers.push_back(
      std::make_unique<WriteSlave>(system->model, places, master, *behaviour, &system->dram, &system->fault));
}

// Beats of addresses from `first` to before `end` are answered with `response`; no address is with response 0.
void system_refuse(System *system, uint64_t first, uint64_t end, int response) {
  if (response)
    system->dram.refusals.push_back({first, end, response});
  else
    system->dram.refusals.clear();
}

// Hold rst for so many cycles, with a memory that forgets what it was asked.
void system_reset(System *system, int64_t cycles) {
  for (auto &reader : system->readers) reader->reset();
  for (auto &writer : system->writers) writer->reset();
  system->registers.reset();
  system->fault.text.clear();
  system->reset.set(true);
  model_tick(system->model, cycles);
  system->cycle += cycles;
  system->reset.set(false);
}

// Read or write a register. Returns its response, or -1 if none came within the limit.
int system_read(System *system, uint64_t address, uint32_t *value, int64_t limit) {
  RegisterMaster &master = system->registers;
  int response = -1;
  master.begin_read(address);
  system->until(
      [&] {
        if (!master.rvalid.bit()) return false;
        *value = static_cast<uint32_t>(master.rdata.number());
        response = static_cast<int>(master.rresp.number());
        return true;
      },
      limit);
  return response;
}

int system_write(System *system, uint64_t address, uint32_t value, int64_t limit) {
  RegisterMaster &master = system->registers;
  int response = -1;
  master.begin_write(address, value);
  system->until(
      [&] {
        if (!master.bvalid.bit()) return false;
        response = static_cast<int>(master.bresp.number());
        return true;
      },
      limit);
  return response;
}

// Lets cycles pass until `interrupt` is high, which is looked at before the first, or the limit.
int system_run(System *system, int64_t limit, int64_t progress_every, Progress progress) {
  const int64_t began = system->cycle;
  while (true) {
    const int64_t left = limit - (system->cycle - began);
    const int64_t part = progress && progress_every < left ? progress_every : left;
    const bool interrupted = system->until([&] { return system->interrupt.bit(); }, part);
    if (system->fault.is_there()) return FAULTY;
    if (interrupted) return INTERRUPTED;
    if (system->cycle - began >= limit) return LIMIT_REACHED;
    if (progress(system->cycle - began)) return STOPPED;
  }
}

// Lets cycles pass until one in which a counter inside has reached its target, or `interrupt` is high, or the limit.
int system_watch(System *system, const uint32_t *const *counters, const uint32_t *targets, int count, int64_t limit) {
  bool counted = false;
  const bool over = system->until(
      [&] {
        for (int at = 0; at < count; ++at) counted |= *counters[at] >= targets[at];
        return counted || system->interrupt.bit();
      },
      limit);
  if (system->fault.is_there()) return FAULTY;
  if (!over) return LIMIT_REACHED;
  return counted ? COUNTED : INTERRUPTED;
}

void system_step(System *system, int64_t cycles) {
  system->until([] { return false; }, cycles);
}

int64_t system_cycle(System *system) { return system->cycle; }

const char *system_fault(System *system) { return system->fault.text.c_str(); }

// Six numbers of every reader, then of every writer.
void system_traffic(System *system, int64_t *numbers) {
  auto put = [&](const Traffic &t) {
    for (int64_t value : {t.bursts, t.beats, t.in_flight, t.most_in_flight, t.first_beat, t.last_beat}) *numbers++ = value;
  };
  for (auto &reader : system->readers) put(reader->traffic);
  for (auto &writer : system->writers) put(writer->traffic);
}

}
