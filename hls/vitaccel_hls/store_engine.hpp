// The store engine: rows of words from the activation buffer to DRAM.
#pragma once

#include "vitaccel_hls/buffer_formats.hpp"
#include "vitaccel_hls/instructions.hpp"

namespace vitaccel {

template <class MACHINE>
void store_engine(
    const Instruction& instruction, const ActivationBuffer<MACHINE>& activation, Word<MACHINE::SIDE>* memory) {
    constexpr int P = MACHINE::SIDE;
    const Store store = decode_store(instruction);
    // A last word that is not whole is apart: nothing is read among the others, which are a burst.
    const int rest = int(store.row_bytes) % P, words = int(store.row_words) - (rest ? 1 : 0);
rows:
    for (int row = 0; row < int(store.rows); ++row) {
        const int from = int(store.address) + row * int(store.step);
        const int to = int(uint32_t(store.dram) / P) + row * (int(store.stride_bytes) / P);
    words:
        for (int n = 0; n < words; ++n) {
#pragma HLS pipeline II = 1
            memory[to + n] = activation[from + n];
        }
        if (rest) {
            // Its bytes behind the row stay what they are.
            Word<P> word = memory[to + words];
            const Word<P> last = activation[from + words];
        last_lanes:
            for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
                if (lane < rest) word.lane[lane] = last.lane[lane];
            }
            memory[to + words] = word;
        }
    }
}

}  // namespace vitaccel
