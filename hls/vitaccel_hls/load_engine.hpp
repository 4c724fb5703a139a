// The load engine: rows of bytes from DRAM to a buffer.
#pragma once

#include "vitaccel_hls/buffer_formats.hpp"
#include "vitaccel_hls/instructions.hpp"

namespace vitaccel {

// Rows of words; the last word of a row is filled up with zeros.
template <int P>
void load_words(const Load& load, const Word<P>* memory, Word<P>* buffer) {
    const int words = int(load.row_words), bytes = int(load.row_bytes);
rows:
    for (int row = 0; row < int(load.rows); ++row) {
        const int from = int(uint32_t(load.dram) / P) + row * (int(load.stride_bytes) / P);
        const int to = int(load.address) + row * int(load.step);
    words:
        for (int n = 0; n < words; ++n) {
#pragma HLS pipeline II = 1
            const Word<P> word = memory[from + n];
            Word<P> kept;
            for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
                kept.lane[lane] = n * P + lane < bytes ? word.lane[lane] : int8_t(0);
            }
            buffer[to + n] = kept;
        }
    }
}

// A row of sets, or of the entries of a table: word by word, and of a word a byte a cycle, so that P may be any.
template <class MACHINE>
void load_bytes(
    const Load& load, const Word<MACHINE::SIDE>* memory, ParameterBuffer<MACHINE>& parameters,
    Tables<MACHINE::SIDE>& tables) {
    constexpr int P = MACHINE::SIDE;
    const bool is_table = load.buffer == TABLE;
    const int bytes = int(load.row_bytes), width = is_table ? bytes / TABLE_ENTRIES : SET_BYTES;
    const int from = int(uint32_t(load.dram) / P);
    uint64_t raw = 0;
    int entry = 0, byte = 0;
words:
    for (int n = 0; n * P < bytes; ++n) {
        const Word<P> word = memory[from + n];
    bytes:
        for (int lane = 0; lane < P && n * P + lane < bytes; ++lane) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
            raw |= uint64_t(uint8_t(word.lane[lane])) << 8 * byte;
            if (++byte < width) continue;
            if (!is_table)
                parameters[int(load.address) + entry] = raw;
            else
                put_entry<P>(tables, int(load.address), entry, width == 1 ? int16_t(int8_t(raw)) : int16_t(raw));
            raw = 0;
            byte = 0;
            ++entry;
        }
    }
}

template <class MACHINE>
void load_engine(
    const Instruction& instruction, const Word<MACHINE::SIDE>* memory, ActivationBuffer<MACHINE>& activation,
    WeightBuffer<MACHINE>& weight, ParameterBuffer<MACHINE>& parameters, Tables<MACHINE::SIDE>& tables) {
    const Load load = decode_load(instruction);
    if (load.buffer == ACTIVATION)
        load_words<MACHINE::SIDE>(load, memory, activation);
    else if (load.buffer == WEIGHT)
        load_words<MACHINE::SIDE>(load, memory, weight);
    else
        load_bytes<MACHINE>(load, memory, parameters, tables);
}

}  // namespace vitaccel
