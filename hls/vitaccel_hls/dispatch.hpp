// Fetch and dispatch: a program's header is checked, and each instruction goes to the queue of its engine.
#pragma once

#include "vitaccel_hls/front.hpp"

namespace vitaccel {

// What is wrong with the header of a program for this machine. Its words must be the machine's own, but for the number
// of instructions, and for the features: they must be among the machine's.
template <class MACHINE>
ErrorCode check_header(const uint32_t* program) {
    static_assert(sizeof MACHINE::HEADER == HEADER_FIELDS * sizeof(uint32_t), "a machine has every word of a header");
    static_assert(MACHINE::HEADER[HEADER_SIDE] == MACHINE::SIDE, "the header is this machine's");
    if (program[HEADER_MAGIC] != MAGIC) return ERROR_MAGIC;
    if (program[HEADER_VERSION] != VERSION) return ERROR_VERSION;
header:
    for (int word = HEADER_INSTRUCTIONS + 1; word < HEADER_FIELDS; ++word) {
        const uint32_t others = word == HEADER_FEATURES ? program[word] & ~MACHINE::HEADER[word]
                                                        : program[word] ^ MACHINE::HEADER[word];
        if (others) return ERROR_MACHINE;
    }
    return ERROR_NONE;
}

// Send all instructions in the order of the program, and to every engine an end, which waits for nothing.
template <class MACHINE>
ErrorCode dispatch(const uint32_t* program, InstructionStream (&queues)[ENGINES]) {
    ErrorCode error = check_header<MACHINE>(program);
    const int instructions = error == ERROR_NONE ? int(program[HEADER_INSTRUCTIONS]) : 0;
instructions:
    for (int at = 0; at < instructions; ++at) {
        Instruction instruction;
    words:
        for (int n = 0; n < INSTRUCTION_WORDS; ++n) {
#pragma HLS pipeline II = 1
            instruction.word[n] = program[HEADER_WORDS + at * INSTRUCTION_WORDS + n];
        }
        const int engine = engine_of(instruction.operation());
        if (engine == ENGINES) {
            error = ERROR_OPERATION;
            break;
        }
        queues[engine].write(instruction);
    }
ends:
    for (int engine = 0; engine < ENGINES; ++engine) queues[engine].write(Instruction{});
    return error;
}

}  // namespace vitaccel
