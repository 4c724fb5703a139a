// Completions: what an engine has completed is counted, and every engine hears of it.
//
// Each stream has one writer and one reader. The process may wait to send a token to an engine that is busy; that
// engine waits for nobody before it is done, and then takes tokens until it hears that all are through.
#pragma once

#include "vitaccel_hls/front.hpp"

namespace vitaccel {

struct Completions {
    UInt<COMPLETION_BITS> count[ENGINES] = {0, 0, 0, 0};
    UInt<3> ended = 0;
};

// Pass on what has come from each engine. Returns whether all engines are through.
inline bool pass_on(Completions& completions, DoneStream (&done)[ENGINES], TokenStream (&tokens)[ENGINES]) {
#pragma HLS inline
from_engines:
    for (int from = 0; from < ENGINES; ++from) {
#pragma HLS unroll
        Done found;
        if (!done[from].read_nb(found)) continue;
        if (found.is_end) {
            completions.ended = int(completions.ended) + 1;
            continue;
        }
        completions.count[from] = int(completions.count[from]) + 1;
        for (int to = 0; to < ENGINES; ++to) {
#pragma HLS unroll
            tokens[to].write(Token(from));
        }
    }
    const bool are_through = int(completions.ended) == ENGINES;
    for (int to = 0; to < ENGINES; ++to) {
#pragma HLS unroll
        if (are_through) tokens[to].write(Token(int(ENGINES)));
    }
    return are_through;
}

}  // namespace vitaccel
