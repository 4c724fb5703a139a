// The top: processes in hardware, turns in software.
//
// VITACCEL_THREADS makes a thread of every process: the same processes, and streams that are as deep as in hardware.
#include "vitaccel.hpp"

#include "network.hpp"

#if defined(__SYNTHESIS__) || defined(VITACCEL_THREADS)
#define VITACCEL_PROCESSES
#endif

#ifdef VITACCEL_THREADS
#include <thread>
#endif

using namespace vitaccel;

namespace {

using Activation = ActivationBuffer<Machine>;
using Weight = WeightBuffer<Machine>;
using Parameters = ParameterBuffer<Machine>;
using LanesTables = Tables<Machine::SIDE>;
using MomentsOfRows = RowMoments<Machine>;

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
    InstructionStream& queue, TokenStream& tokens, DoneStream& done, const MemoryWord* memory, Activation& activation,
    Weight& weight, Parameters& parameters, LanesTables& tables) {
    Front front;
load:
    while (!load_step<Machine>(front, queue, tokens, done, memory, activation, weight, parameters, tables)) {
    }
}

void compute_process(
    InstructionStream& queue, TokenStream& tokens, DoneStream& done, Activation& activation, const Weight& weight,
    const Parameters& parameters, const LanesTables& tables, MomentsOfRows& row_moments, const QueueLengths& lengths) {
    static KeptStatistics<Machine> kept;
    Front front;
compute:
    while (!compute_step<Machine>(
        front, queue, tokens, done, activation, weight, parameters, tables, row_moments, lengths, kept)) {
    }
}

void vector_process(
    InstructionStream& queue, TokenStream& tokens, DoneStream& done, Activation& activation,
    const Parameters& parameters, const LanesTables& tables, const MomentsOfRows& row_moments, QueueLengths& lengths) {
    static Queues queues;
    Front front;
vector:
    while (!vector_step<Machine>(
        front, queue, tokens, done, activation, parameters, tables, row_moments, lengths, queues)) {
    }
}

void store_process(
    InstructionStream& queue, TokenStream& tokens, DoneStream& done, const Activation& activation, MemoryWord* memory) {
    Front front;
store:
    while (!store_step<Machine>(front, queue, tokens, done, activation, memory)) {
    }
}

#endif

// Buffers that several processes touch. A program never reads what a run before it has left.
Activation activation;
Weight weight;
Parameters parameters;
LanesTables tables;
MomentsOfRows row_moments;
QueueLengths lengths;

#if defined(VITACCEL_THREADS) && !defined(__SYNTHESIS__)

void run_threads(const uint32_t* program, const MemoryWord* loads, MemoryWord* stores, uint32_t* error) {
    InstructionStream queues[ENGINES];
    TokenStream tokens[ENGINES];
    DoneStream done[ENGINES];
    std::thread processes[] = {
        std::thread([&] { fetch_process(program, queues, error); }),
        std::thread([&] {
            load_process(
                queues[LOAD_ENGINE], tokens[LOAD_ENGINE], done[LOAD_ENGINE], loads, activation, weight, parameters,
                tables);
        }),
        std::thread([&] {
            compute_process(
                queues[COMPUTE_ENGINE], tokens[COMPUTE_ENGINE], done[COMPUTE_ENGINE], activation, weight, parameters,
                tables, row_moments, lengths);
        }),
        std::thread([&] {
            vector_process(
                queues[VECTOR_ENGINE], tokens[VECTOR_ENGINE], done[VECTOR_ENGINE], activation, parameters, tables,
                row_moments, lengths);
        }),
        std::thread([&] {
            store_process(queues[STORE_ENGINE], tokens[STORE_ENGINE], done[STORE_ENGINE], activation, stores);
        }),
        std::thread([&] { completions_process(done, tokens); }),
    };
    for (auto& process : processes) process.join();
}

#elif !defined(__SYNTHESIS__)

uint32_t total(const Completions& completions) {
    uint32_t sum = completions.ended;
    for (int engine = 0; engine < ENGINES; ++engine) sum += completions.count[engine];
    return sum;
}

// Each engine has a turn, until all are through or nothing comes of a few rounds.
void take_turns(const uint32_t* program, const MemoryWord* loads, MemoryWord* stores, uint32_t* error) {
    static KeptStatistics<Machine> kept;
    static Queues experts;
    InstructionStream queues[ENGINES];
    TokenStream tokens[ENGINES];
    DoneStream done[ENGINES];
    Completions completions;
    Front fronts[ENGINES];
    *error = dispatch<Machine>(program, queues);
    bool is_through = false;
    for (int idle = 0; idle < MOST_IDLE && !is_through; ++idle) {
        const uint32_t before = total(completions);
        load_step<Machine>(
            fronts[LOAD_ENGINE], queues[LOAD_ENGINE], tokens[LOAD_ENGINE], done[LOAD_ENGINE], loads, activation, weight,
            parameters, tables);
        compute_step<Machine>(
            fronts[COMPUTE_ENGINE], queues[COMPUTE_ENGINE], tokens[COMPUTE_ENGINE], done[COMPUTE_ENGINE], activation,
            weight, parameters, tables, row_moments, lengths, kept);
        vector_step<Machine>(
            fronts[VECTOR_ENGINE], queues[VECTOR_ENGINE], tokens[VECTOR_ENGINE], done[VECTOR_ENGINE], activation,
            parameters, tables, row_moments, lengths, experts);
        store_step<Machine>(
            fronts[STORE_ENGINE], queues[STORE_ENGINE], tokens[STORE_ENGINE], done[STORE_ENGINE], activation, stores);
        is_through = pass_on(completions, done, tokens);
        if (total(completions) != before) idle = -1;
    }
    if (!is_through) *error = STUCK;
}

#endif

}  // namespace

static_assert((Machine::SIDE & (Machine::SIDE - 1)) == 0, "a word is what a bus carries: a power of two bytes");

extern "C" void vitaccel_top(
    const uint32_t* program, const MemoryWord* loads, MemoryWord* stores, uint32_t* error) {
    // What co-simulation copies of each argument.
    constexpr int PROGRAM_DEPTH = network::PROGRAM_BYTES / sizeof(uint32_t);
    constexpr int MEMORY_DEPTH = network::MEMORY_BYTES / sizeof(MemoryWord) + 1;
    static_assert(PROGRAM_DEPTH > 0 && MEMORY_DEPTH > 1, "a network has a program and a memory");
    // A bundle for each process: one reads at one place at a time, and the store engine reads parts of words.
#pragma HLS interface mode = m_axi port = program bundle = program offset = slave depth = PROGRAM_DEPTH
#pragma HLS interface mode = m_axi port = loads bundle = loads offset = slave depth = MEMORY_DEPTH
#pragma HLS interface mode = m_axi port = stores bundle = stores offset = slave depth = MEMORY_DEPTH
#pragma HLS interface mode = s_axilite port = error
#pragma HLS interface mode = s_axilite port = return
#pragma HLS aggregate variable = loads compact = byte
#pragma HLS aggregate variable = stores compact = byte
#pragma HLS aggregate variable = activation compact = bit
#pragma HLS aggregate variable = weight compact = bit
#pragma HLS aggregate variable = row_moments compact = bit
#pragma HLS array_partition variable = tables complete dim = 1
#if defined(__SYNTHESIS__)
    InstructionStream queues[ENGINES];
    TokenStream tokens[ENGINES];
    DoneStream done[ENGINES];
    // What two processes touch is kept apart by the waits of the program, not by the tool.
#pragma HLS stream variable = activation type = unsync
#pragma HLS stream variable = weight type = unsync
#pragma HLS stream variable = parameters type = unsync
#pragma HLS stream variable = tables type = unsync
#pragma HLS stream variable = row_moments type = unsync
#pragma HLS stream variable = lengths type = unsync
#pragma HLS dataflow
    fetch_process(program, queues, error);
    load_process(
        queues[LOAD_ENGINE], tokens[LOAD_ENGINE], done[LOAD_ENGINE], loads, activation, weight, parameters, tables);
    compute_process(
        queues[COMPUTE_ENGINE], tokens[COMPUTE_ENGINE], done[COMPUTE_ENGINE], activation, weight, parameters, tables,
        row_moments, lengths);
    vector_process(
        queues[VECTOR_ENGINE], tokens[VECTOR_ENGINE], done[VECTOR_ENGINE], activation, parameters, tables, row_moments,
        lengths);
    store_process(queues[STORE_ENGINE], tokens[STORE_ENGINE], done[STORE_ENGINE], activation, stores);
    completions_process(done, tokens);
#elif defined(VITACCEL_THREADS)
    run_threads(program, loads, stores, error);
#else
    take_turns(program, loads, stores, error);
#endif
}
