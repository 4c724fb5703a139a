// Attention: for every frame, head and row-block the logits, their softmax statistics, and the values.
#pragma once

#include "vitaccel_hls/array.hpp"
#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/kept_statistics.hpp"
#include "vitaccel_hls/paired_words.hpp"

namespace vitaccel {

// A row-block of a head of a frame.
struct HeadPlace {
    int frame, head, row_block;
};

// Keys of logits that are used again are tokens: a query is a word of P keys.
template <class MACHINE>
void keep_logits(
    const Tile<MACHINE::SIDE>& tile, const ParameterSet& set, const Attention& attention, const HeadPlace& at,
    int key_block, int rows, ActivationBuffer<MACHINE>& activation) {
    constexpr int P = MACHINE::SIDE;
    const int first = int(attention.logits) + at.frame * int(attention.logits_frame) +
                      at.head * int(attention.logits_head) + key_block * int(attention.logits_step) + at.row_block * P;
keep_queries:
    for (int row = 0; row < rows; ++row) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
        Codes<P> codes;
        for (int key = 0; key < P; ++key) {
#pragma HLS unroll
            codes.lane[key] = requantize<LOGIT_BITS>(int64_t(tile.sum[row][key]), set);
        }
        write_codes(activation, first + row, int(attention.logits_plane), true, codes);
    }
}

// Queries times keys, requantized to base-2 fixed point, with their statistics.
template <class MACHINE>
void logit_tiles(
    const Attention& attention, const HeadPlace& at, const ParameterSet& set, int rows, LogitRows<MACHINE>& logits,
    ActivationBuffer<MACHINE>& activation) {
    constexpr int P = MACHINE::SIDE;
    const int q = int(attention.q) + at.frame * int(attention.q_frame) + at.head * int(attention.q_head) +
                  at.row_block * int(attention.q_step);
    const int k = int(attention.k) + at.frame * int(attention.k_frame) + at.head * int(attention.k_head);
    Tile<P> tile;
#pragma HLS array_partition variable = tile.sum complete dim = 0
    clear_rows(logits);
#ifdef VITACCEL_PAIRS
    Pairs pairs_of_q;
    pair_words<P>(pairs_of_q, activation + q, int(attention.head_dim));
#endif
key_blocks:
    for (int block = 0; block < int(attention.key_blocks); ++block) {
#ifdef VITACCEL_PAIRS
        Pairs pairs_of_k;
        pair_words<P>(pairs_of_k, activation + k + block * int(attention.k_step), int(attention.head_dim));
        multiply_pairs<P>(tile, pairs_of_q, pairs_of_k);
#else
        clear(tile);
    head_channels:
        for (int channel = 0; channel < int(attention.head_dim); ++channel) {
#pragma HLS pipeline II = 1
            const Word<P> keys = activation[k + block * int(attention.k_step) + channel];
            accumulate(tile, row_operands(activation[q + channel]), keys);
        }
#endif
        const int keys = block == int(attention.key_blocks) - 1 ? int(attention.last_keys) : P;
    drain_keys:
        for (int key = 0; key < keys; ++key) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
            Codes<P> codes;
            for (int row = 0; row < P; ++row) {
#pragma HLS unroll
                codes.lane[row] = requantize<LOGIT_BITS>(int64_t(tile.sum[row][key]), set);
            }
            take_key(logits, block * P + key, codes);
        }
        if (attention.keeps_logits) keep_logits<MACHINE>(tile, set, attention, at, block, rows, activation);
    }
}

// Where the results of a row-block of a head are written.
inline int result_place(const Attention& attention, const HeadPlace& at) {
#pragma HLS inline
    return int(attention.out) + at.frame * int(attention.out_frame) + at.head * int(attention.out_head) +
           at.row_block * int(attention.out_step);
}

// Channels of a tile of values that are results.
template <int P>
int channels_of(const Attention& attention, int tile) {
#pragma HLS inline
    return tile == int(attention.value_tiles) - 1 ? int(attention.last_channels) : P;
}

// Numerators times values, divided by the sums of their rows.
template <class MACHINE>
void value_tiles(
    const Attention& attention, const HeadPlace& at, const RowFactor (&factors)[MACHINE::SIDE],
    const LogitRows<MACHINE>& logits, ActivationBuffer<MACHINE>& activation) {
    constexpr int P = MACHINE::SIDE;
    static_assert(MACHINE::NUMERATOR_BITS == 8, "a numerator is one digit of the array");
    const int v = int(attention.v) + at.frame * int(attention.v_frame) + at.head * int(attention.v_head);
    Tile<P> tile;
#pragma HLS array_partition variable = tile.sum complete dim = 0
value_tiles:
    for (int n = 0; n < int(attention.value_tiles); ++n) {
        clear(tile);
    keys:
        for (int key = 0; key < int(attention.keys); ++key) {
#pragma HLS pipeline II = 1
            RowOperands<P> numerators;
            for (int row = 0; row < P; ++row) {
#pragma HLS unroll
                numerators.lane[row] = int16_t(numerator<typename MACHINE::LogitPowers, MACHINE::NUMERATOR_BITS>(
                    logits.key[key].lane[row], logits.row[row].m));
            }
            accumulate(tile, numerators, activation[v + n * int(attention.v_step) + key]);
        }
    drain_channels:
        for (int channel = 0; channel < channels_of<P>(attention, n); ++channel) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
            Codes<P> codes;
            for (int row = 0; row < P; ++row) {
#pragma HLS unroll
                const int64_t sum = tile.sum[row][channel];
                codes.lane[row] =
                    attention.is_wide ? normalize<16>(sum, factors[row]) : normalize<8>(sum, factors[row]);
            }
            write_codes(
                activation, result_place(attention, at) + n * P + channel, int(attention.out_plane), attention.is_wide,
                codes);
        }
    }
}

// A row-block of a head.
template <class MACHINE>
void attention_rows(
    const Attention& attention, const HeadPlace& at, ActivationBuffer<MACHINE>& activation,
    const ParameterBuffer<MACHINE>& parameters, KeptStatistics<MACHINE>& kept) {
    constexpr int P = MACHINE::SIDE;
    LogitRows<MACHINE> logits;
#pragma HLS aggregate variable = logits.key
#pragma HLS array_partition variable = logits.row complete
    const ParameterSet of_logits = parameter_set(parameters[int(attention.sets) + 2 * at.head]);
    const ParameterSet of_output = parameter_set(parameters[int(attention.sets) + 2 * at.head + 1]);
    const bool is_last = at.row_block == int(attention.row_blocks) - 1;
    logit_tiles<MACHINE>(attention, at, of_logits, is_last ? int(attention.last_rows) : P, logits, activation);
    const int row_blocks_before = (at.frame * int(attention.heads) + at.head) * int(attention.row_blocks);
    RowFactor factors[P];
#pragma HLS array_partition variable = factors complete
row_factors:
    for (int row = 0; row < P; ++row) {
#pragma HLS pipeline II = 1
        const auto kept_of_row = kept_row<typename MACHINE::LogitPowers, typename MACHINE::Reciprocal>(logits.row[row]);
        factors[row] = row_factor<MACHINE::NUMERATOR_BITS>(
            kept_of_row.sum, int64_t(of_output.multiplier), int(of_output.shift));
        if (attention.keeps_logits) kept[(row_blocks_before + at.row_block) * P + row] = kept_of_row;
    }
    value_tiles<MACHINE>(attention, at, factors, logits, activation);
}

template <class MACHINE>
void attention_nest(
    const Attention& attention, ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    KeptStatistics<MACHINE>& kept) {
frames:
    for (int frame = 0; frame < int(attention.frames); ++frame) {
    heads:
        for (int head = 0; head < int(attention.heads); ++head) {
        row_blocks:
            for (int row_block = 0; row_block < int(attention.row_blocks); ++row_block)
                attention_rows<MACHINE>(attention, HeadPlace{frame, head, row_block}, activation, parameters, kept);
        }
    }
}

}  // namespace vitaccel
