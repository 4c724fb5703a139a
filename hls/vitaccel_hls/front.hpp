// Before an engine: one instruction at a time, started when all that it waits for has completed.
#pragma once

#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/stream.hpp"

namespace vitaccel {

constexpr int QUEUE_DEPTH = 8;
constexpr int TOKEN_DEPTH = 32;

using InstructionStream = Stream<Instruction, QUEUE_DEPTH>;

// To an engine: the number of an engine that has completed an instruction, or ENGINES when all are through.
using Token = UInt<3>;
using TokenStream = Stream<Token, TOKEN_DEPTH>;

// From an engine: it has completed an instruction, which may be the end of the program.
struct Done {
    bool is_end;
};
using DoneStream = Stream<Done, TOKEN_DEPTH>;

struct Front {
    Instruction held;
    bool holds = false;
    UInt<COMPLETION_BITS> completed[ENGINES] = {0, 0, 0, 0};
};

// Take the tokens that have come, so that nobody waits to send one for longer than an instruction takes, and an
// instruction if none is held. Returns whether all engines are through.
inline bool collect(Front& front, InstructionStream& queue, TokenStream& tokens) {
#pragma HLS inline
collect_tokens:
    for (int n = 0; n < ENGINES; ++n) {
        Token token = 0;
        if (!tokens.read_nb(token)) break;
        if (int(token) == ENGINES) return true;
        front.completed[int(token)] = int(front.completed[int(token)]) + 1;
    }
    if (!front.holds) front.holds = queue.read_nb(front.held);
    return false;
}

// Whether the instruction held may start.
inline bool may_start(const Front& front) {
#pragma HLS inline
    bool is_met = front.holds;
waits:
    for (int engine = 0; engine < ENGINES; ++engine) {
#pragma HLS unroll
        if (int(front.completed[engine]) < int(front.held.wait(engine))) is_met = false;
    }
    return is_met;
}

inline bool is_end(const Front& front) {
#pragma HLS inline
    return int(front.held.operation()) == END_OF_PROGRAM;
}

// The instruction held has completed.
inline void complete(Front& front, DoneStream& done) {
#pragma HLS inline
    done.write(Done{is_end(front)});
    front.holds = false;
}

}  // namespace vitaccel
