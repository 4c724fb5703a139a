// The accelerator as a library for other languages: memory and buffers to look at, one instruction after the other.
#include <cstring>
#include <memory>
#include <vector>

#include "vitaccel.hpp"

// Nothing else is seen from outside, so that several machines can be in one process.
#define VITACCEL_API __attribute__((visibility("default")))

using namespace vitaccel;

namespace {

struct Model {
    explicit Model(uint64_t memory_bytes) : memory((memory_bytes + Machine::SIDE - 1) / Machine::SIDE) {}

    // A step of the engine whose turn it is, and of the completions. Turns go round, so tokens are taken as they come.
    bool step() {
        const int engine = turn++ % ENGINES;
        Front& front = fronts[engine];
        auto& queue = queues[engine];
        auto& token = tokens[engine];
        auto& ended = done[engine];
        switch (engine) {
            case LOAD_ENGINE:
                load_step<Machine>(
                    front, queue, token, ended, memory.data(), activation, weight, parameters, tables);
                break;
            case COMPUTE_ENGINE:
                compute_step<Machine>(
                    front, queue, token, ended, activation, weight, parameters, tables, row_moments, lengths, kept);
                break;
            case VECTOR_ENGINE:
                vector_step<Machine>(
                    front, queue, token, ended, activation, parameters, tables, row_moments, lengths, experts);
                break;
            default:
                store_step<Machine>(front, queue, token, ended, activation, memory.data());
        }
        return pass_on(completions, done, tokens);
    }

    std::vector<MemoryWord> memory;
    ActivationBuffer<Machine> activation{};
    WeightBuffer<Machine> weight{};
    ParameterBuffer<Machine> parameters{};
    Tables<Machine::SIDE> tables{};
    RowMoments<Machine> row_moments{};
    QueueLengths lengths{};
    KeptStatistics<Machine> kept{};
    Queues experts{};
    InstructionStream queues[ENGINES];
    TokenStream tokens[ENGINES];
    DoneStream done[ENGINES];
    Completions completions;
    Front fronts[ENGINES];
    uint32_t turn = 0;
};

}  // namespace

extern "C" {

VITACCEL_API void* vitaccel_new(uint64_t memory_bytes) { return new Model(memory_bytes); }

VITACCEL_API void vitaccel_delete(void* model) { delete static_cast<Model*>(model); }

// The memory, from its first byte on.
VITACCEL_API int8_t* vitaccel_memory(void* model) {
    return reinterpret_cast<int8_t*>(static_cast<Model*>(model)->memory.data());
}

// The activation buffer, word after word.
VITACCEL_API int8_t* vitaccel_activation(void* model) {
    return reinterpret_cast<int8_t*>(static_cast<Model*>(model)->activation);
}

// Begin a program that stands in memory. Returns 0, or what is wrong with it.
VITACCEL_API uint32_t vitaccel_start(void* model, uint64_t program) {
    Model& machine = *static_cast<Model*>(model);
    for (int engine = 0; engine < ENGINES; ++engine) {
        machine.queues[engine] = {};
        machine.tokens[engine] = {};
        machine.done[engine] = {};
        machine.fronts[engine] = {};
    }
    machine.completions = {};
    const int8_t* from = vitaccel_memory(model) + program;
    uint32_t instructions = 0;
    std::memcpy(&instructions, from + 4 * HEADER_INSTRUCTIONS, sizeof instructions);
    std::vector<uint32_t> words(HEADER_WORDS + uint64_t(instructions) * INSTRUCTION_WORDS);
    std::memcpy(words.data(), from, 4 * words.size());
    return dispatch<Machine>(words.data(), machine.queues);
}

// Run until an engine has completed as many instructions as its target says; counts are those of each engine. Returns
// 1, or 0 if all have completed, or -1 if none ever will.
VITACCEL_API int vitaccel_run_to(void* model, const uint32_t* targets, uint32_t* counts) {
    Model& machine = *static_cast<Model*>(model);
    const auto& completed = machine.completions.count;
    int found = -1;
    for (int idle = 0; idle < MOST_IDLE * ENGINES; ++idle) {
        const int engine = machine.turn % ENGINES;
        const uint32_t before = completed[engine];
        if (machine.step()) {
            found = 0;
            break;
        }
        if (completed[engine] == before) continue;
        if (completed[engine] == targets[engine]) {
            found = 1;
            break;
        }
        idle = -1;
    }
    for (int engine = 0; engine < ENGINES; ++engine) counts[engine] = completed[engine];
    return found;
}

// The experts that the last route chose: MOST_CHOICES of each of MOST_TOKENS tokens, best first.
VITACCEL_API void vitaccel_experts(void* model, uint8_t* experts) {
    for (const auto& choices : static_cast<Model*>(model)->experts.chosen) {
        for (const Choice& choice : choices) *experts++ = choice.expert;
    }
}

}
