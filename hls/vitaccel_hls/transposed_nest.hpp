// Attention with kept logits, the other way round: keys are the rows, and queries are summed over.
#pragma once

#include "vitaccel_hls/attention_nest.hpp"

namespace vitaccel {

// Probabilities of P keys times the values of a query, which is one of the words that are summed over. A probability
// passes the array digit by digit, the upper one first.
template <class MACHINE>
void transposed_tile(
    const Attention& attention, const HeadPlace& at, int value_tile, Tile<MACHINE::SIDE>& tile,
    const ActivationBuffer<MACHINE>& activation, const KeptStatistics<MACHINE>& kept) {
    constexpr int P = MACHINE::SIDE;
    const int logits = int(attention.logits) + at.frame * int(attention.logits_frame) +
                       at.head * int(attention.logits_head) + at.row_block * int(attention.logits_step);
    const int v = int(attention.v) + at.frame * int(attention.v_frame) + at.head * int(attention.v_head) +
                  value_tile * int(attention.v_step);
    const int rows = at.frame * int(attention.q_frame) + at.head * int(attention.q_head);
    clear(tile);
digits:
    for (int digit = 1; digit >= 0; --digit) {
        if (digit == 0) shift_digit(tile);
    queries:
        for (int query = 0; query < int(attention.keys); ++query) {
#pragma HLS pipeline II = 1
            const Codes<P> codes = read_codes(activation, logits + query, int(attention.logits_plane), true);
            const auto row = kept[rows + query];
            RowOperands<P> digits;
            for (int key = 0; key < P; ++key) {
#pragma HLS unroll
                const int p = int(probability<typename MACHINE::LogitPowers>(codes.lane[key], row));
                digits.lane[key] = p >> 8 * digit & 255;
            }
            accumulate(tile, digits, activation[v + query]);
        }
    }
}

template <class MACHINE>
void transposed_rows(
    const Attention& attention, const HeadPlace& at, ActivationBuffer<MACHINE>& activation,
    const ParameterBuffer<MACHINE>& parameters, const KeptStatistics<MACHINE>& kept) {
    constexpr int P = MACHINE::SIDE;
    ParameterSet set = parameter_set(parameters[int(attention.sets) + 2 * at.head + 1]);
    Tile<P> tile;
#pragma HLS array_partition variable = tile.sum complete dim = 0
value_tiles:
    for (int n = 0; n < int(attention.value_tiles); ++n) {
        transposed_tile<MACHINE>(attention, at, n, tile, activation, kept);
    drain_channels:
        for (int channel = 0; channel < channels_of<P>(attention, n); ++channel) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
            Codes<P> codes;
            for (int key = 0; key < P; ++key) {
#pragma HLS unroll
                const int64_t sum = tile.sum[key][channel];
                codes.lane[key] = attention.is_wide ? requantize<16>(sum, set) : requantize<8>(sum, set);
            }
            write_codes(
                activation, result_place(attention, at) + n * P + channel, int(attention.out_plane), attention.is_wide,
                codes);
        }
    }
}

template <class MACHINE>
void transposed_nest(
    const Attention& attention, ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    const KeptStatistics<MACHINE>& kept) {
frames:
    for (int frame = 0; frame < int(attention.frames); ++frame) {
    heads:
        for (int head = 0; head < int(attention.heads); ++head) {
        row_blocks:
            for (int row_block = 0; row_block < int(attention.row_blocks); ++row_block)
                transposed_rows<MACHINE>(attention, HeadPlace{frame, head, row_block}, activation, parameters, kept);
        }
    }
}

}  // namespace vitaccel
