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
    const int words = int(store.row_words), rest = int(store.row_bytes) - (words - 1) * P;
rows:
    for (int row = 0; row < int(store.rows); ++row) {
        const int from = int(store.address) + row * int(store.step);
        const int to = int(uint32_t(store.dram) / P) + row * (int(store.stride_bytes) / P);
    words:
        for (int n = 0; n < words; ++n) {
#pragma HLS pipeline II = 1
            Word<P> word = activation[from + n];
            if (n == words - 1 && rest < P) {
                // Of a word that is not whole, the bytes behind stay what they are.
                const Word<P> before = memory[to + n];
                for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
                    if (lane >= rest) word.lane[lane] = before.lane[lane];
                }
            }
            memory[to + n] = word;
        }
    }
}

}  // namespace vitaccel
