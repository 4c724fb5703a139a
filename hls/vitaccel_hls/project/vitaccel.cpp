// The top: processes in hardware, turns in software.
//
// VITACCEL_THREADS makes a thread of every process: the same processes, and streams that are as deep as in hardware.
#include "vitaccel.hpp"

#if defined(__SYNTHESIS__) || defined(VITACCEL_THREADS)
#define VITACCEL_PROCESSES
#endif

#ifdef VITACCEL_THREADS
#include <thread>
#endif

using namespace vitaccel;

namespace {

#ifdef VITACCEL_PROCESSES

void fetch_process(const uint32_t* program, InstructionStream (&queues)[ENGINES], uint32_t* error) {
    *error = dispatch<Machine>(program, queues);
}

void completions_process(DoneStream (&done)[ENGINES], TokenStream (&tokens)[ENGINES]) {
    Completions completions;
completions:
    while (!pass_on(completions, done, tokens)) {
    }
}

void load_process(
    InstructionStream& queue, TokenStream& tokens, DoneStream& done, Buffers<Machine>& on, const MemoryWord* memory) {
    Front front;
load:
    while (!load_step<Machine>(front, Wires{queue, tokens, done}, on, memory)) {
    }
}

void compute_process(InstructionStream& queue, TokenStream& tokens, DoneStream& done, Buffers<Machine>& on) {
    Front front;
compute:
    while (!compute_step<Machine>(front, Wires{queue, tokens, done}, on)) {
    }
}

void vector_process(InstructionStream& queue, TokenStream& tokens, DoneStream& done, Buffers<Machine>& on) {
    Front front;
vector:
    while (!vector_step<Machine>(front, Wires{queue, tokens, done}, on)) {
    }
}

void store_process(
    InstructionStream& queue, TokenStream& tokens, DoneStream& done, Buffers<Machine>& on, MemoryWord* memory) {
    Front front;
store:
    while (!store_step<Machine>(front, Wires{queue, tokens, done}, on, memory)) {
    }
}

#else

uint32_t total(const Completions& completions) {
    uint32_t sum = completions.ended;
    for (int engine = 0; engine < ENGINES; ++engine) sum += completions.count[engine];
    return sum;
}

// A step of each engine in turn, until all are through. Returns 0, or STUCK.
uint32_t take_turns(
    InstructionStream (&queues)[ENGINES], TokenStream (&tokens)[ENGINES], DoneStream (&done)[ENGINES],
    Buffers<Machine>& on, const MemoryWord* loads, MemoryWord* stores) {
    Completions completions;
    Front fronts[ENGINES];
    const auto wires = [&](int engine) { return Wires{queues[engine], tokens[engine], done[engine]}; };
    for (int idle = 0; idle < MOST_IDLE; ++idle) {
        const uint32_t before = total(completions);
        load_step<Machine>(fronts[LOAD_ENGINE], wires(LOAD_ENGINE), on, loads);
        compute_step<Machine>(fronts[COMPUTE_ENGINE], wires(COMPUTE_ENGINE), on);
        vector_step<Machine>(fronts[VECTOR_ENGINE], wires(VECTOR_ENGINE), on);
        store_step<Machine>(fronts[STORE_ENGINE], wires(STORE_ENGINE), on, stores);
        if (pass_on(completions, done, tokens)) return 0;
        if (total(completions) != before) idle = -1;
    }
    return STUCK;
}

#endif

// A program never reads what a run before it has left.
Buffers<Machine> on;

}  // namespace

extern "C" void vitaccel_top(
    const uint32_t* program, const MemoryWord* loads, MemoryWord* stores, uint32_t* error) {
#pragma HLS interface mode = m_axi port = program bundle = program offset = slave
#pragma HLS interface mode = m_axi port = loads bundle = memory offset = slave
#pragma HLS interface mode = m_axi port = stores bundle = memory offset = slave
#pragma HLS interface mode = s_axilite port = error
#pragma HLS interface mode = s_axilite port = return
#pragma HLS aggregate variable = loads compact = byte
#pragma HLS aggregate variable = stores compact = byte
#pragma HLS aggregate variable = on.activation compact = bit
#pragma HLS aggregate variable = on.weight compact = bit
    InstructionStream queues[ENGINES];
    TokenStream tokens[ENGINES];
    DoneStream done[ENGINES];
#if defined(__SYNTHESIS__)
    // What two processes touch is kept apart by the waits of the program, not by the tool.
#pragma HLS stream variable = on.activation type = unsync
#pragma HLS stream variable = on.weight type = unsync
#pragma HLS stream variable = on.parameters type = unsync
#pragma HLS stream variable = on.tables type = unsync
#pragma HLS stream variable = on.lengths type = unsync
#pragma HLS dataflow
    fetch_process(program, queues, error);
    load_process(queues[LOAD_ENGINE], tokens[LOAD_ENGINE], done[LOAD_ENGINE], on, loads);
    compute_process(queues[COMPUTE_ENGINE], tokens[COMPUTE_ENGINE], done[COMPUTE_ENGINE], on);
    vector_process(queues[VECTOR_ENGINE], tokens[VECTOR_ENGINE], done[VECTOR_ENGINE], on);
    store_process(queues[STORE_ENGINE], tokens[STORE_ENGINE], done[STORE_ENGINE], on, stores);
    completions_process(done, tokens);
#elif defined(VITACCEL_THREADS)
    std::thread processes[] = {
        std::thread([&] { fetch_process(program, queues, error); }),
        std::thread([&] { load_process(queues[LOAD_ENGINE], tokens[LOAD_ENGINE], done[LOAD_ENGINE], on, loads); }),
        std::thread([&] { compute_process(queues[COMPUTE_ENGINE], tokens[COMPUTE_ENGINE], done[COMPUTE_ENGINE], on); }),
        std::thread([&] { vector_process(queues[VECTOR_ENGINE], tokens[VECTOR_ENGINE], done[VECTOR_ENGINE], on); }),
        std::thread([&] { store_process(queues[STORE_ENGINE], tokens[STORE_ENGINE], done[STORE_ENGINE], on, stores); }),
        std::thread([&] { completions_process(done, tokens); }),
    };
    for (auto& process : processes) process.join();
#else
    *error = dispatch<Machine>(program, queues);
    const uint32_t stuck = take_turns(queues, tokens, done, on, loads, stores);
    if (stuck) *error = stuck;
#endif
}
