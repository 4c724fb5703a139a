// C interface of a Verilated component, for Python and for C++ that is compiled with it.

#pragma once

#include <cstdint>

struct Model;

extern "C" {

Model *model_new(int seed);
void model_delete(Model *model);

// Where port number `index` of ports.h lies, and how many bytes it takes.
void *model_port(Model *model, int index);
int64_t model_port_bytes(Model *model, int index);

// Let outputs follow inputs; then a clock edge, which is the end of a cycle. Outputs follow it with the next model_eval.
void model_eval(Model *model);
void model_edge(Model *model);

// So many cycles with the inputs as they are.
void model_tick(Model *model, int64_t cycles);

// Cycles that ended since the model was made.
int64_t model_cycles(Model *model);

// Where a signal or a memory inside lies that the build made visible, or null: its entries (1 of a signal), and the bytes
// that each takes.
void *model_variable(Model *model, const char *scope, const char *name, int64_t *entries, int64_t *bytes);

// Write the cycles from `first` to before `end` to a VCD file; false if the build has no waveforms. The file is complete
// when the window is over, or the model deleted.
bool model_trace(Model *model, const char *path, int64_t first, int64_t end);

}
