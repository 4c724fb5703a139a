// Streams through the lanes: a row-block is a word for each channel, a lane for each of its P tokens.
#pragma once

#include "vitaccel_hls/lane_arithmetic.hpp"
#include "vitaccel_hls/layernorm_rows.hpp"
#include "vitaccel_hls/transposer.hpp"

namespace vitaccel {

// What a row-block's words are made with.
template <class MACHINE>
struct LaneConstants {
    ParameterSet constants[2];
    Normal normals[MACHINE::SIDE];
};

// The result of a word.
template <class MACHINE>
Codes<MACHINE::SIDE> lane_word(
    const Lane& lane, int row_block, int channel, const LaneConstants<MACHINE>& with,
    const ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    const Tables<MACHINE::SIDE>& tables) {
#pragma HLS inline
    constexpr int P = MACHINE::SIDE;
    Codes<P> a, b;
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        a.lane[n] = 0;
        b.lane[n] = 0;
    }
    if (lane.function != LANE_ZERO) a = operand_word<P>(activation, lane, row_block, channel);
    if (lane.has_b) {
        const int place = int(lane.b) + row_block * int(lane.b_step) + channel;
        b = read_codes<P>(activation, place, int(lane.b_plane), lane.a_is_wide);
    }
    const bool is_norm = lane.function == LANE_LAYERNORM;
    const bool has_set = is_norm || has_own_sets(lane);
    const ParameterSet own = parameter_set(has_set ? parameters[int(lane.sets) + is_norm + channel] : 0);
    return is_norm ? normalized_word<P>(lane, a, with.normals, own)
                   : lane_arithmetic<P>(lane, a, b, own, with.constants, tables);
}

// Results by columns: a word where its operand's token-lane word is.
template <class MACHINE>
void lanes_by_columns(
    const Lane& lane, int row_block, const LaneConstants<MACHINE>& with, ActivationBuffer<MACHINE>& activation,
    const ParameterBuffer<MACHINE>& parameters, const Tables<MACHINE::SIDE>& tables) {
    constexpr int P = MACHINE::SIDE;
    const int out = int(lane.out) + row_block * int(lane.out_step);
channels:
    for (int channel = 0; channel < int(lane.channels); ++channel) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = activation inter false
        Codes<P> codes = lane_word<MACHINE>(lane, row_block, channel, with, activation, parameters, tables);
        if (int(lane.shift)) codes = among_others<P>(activation, lane, row_block, channel, codes);
        write_codes<P>(activation, out + channel, int(lane.out_plane), lane.is_wide, codes);
    }
}

// Results by rows, channel-lane: a word for each token, of P channels; what is behind the last channel is 0.
template <class MACHINE>
void lanes_by_rows(
    const Lane& lane, int row_block, const LaneConstants<MACHINE>& with, ActivationBuffer<MACHINE>& activation,
    const ParameterBuffer<MACHINE>& parameters, const Tables<MACHINE::SIDE>& tables) {
    constexpr int P = MACHINE::SIDE;
    const bool is_last = row_block == int(lane.row_blocks) - 1;
    const int rows = is_last ? int(lane.last_rows) : P;
    Square<P> square;
#pragma HLS array_partition variable = square.code complete dim = 0
tiles:
    for (int tile = 0; tile < int(lane.tiles); ++tile) {
    columns:
        for (int column = 0; column < P; ++column) {
#pragma HLS pipeline II = 1
            const int channel = tile * P + column;
            Codes<P> codes;
            if (channel < int(lane.channels)) {
                codes = lane_word<MACHINE>(lane, row_block, channel, with, activation, parameters, tables);
            } else {
                for (int n = 0; n < P; ++n) {
#pragma HLS unroll
                    codes.lane[n] = 0;
                }
            }
            put_column<P>(square, column, codes);
        }
        const int out = int(lane.out) + row_block * int(lane.out_step) + tile * int(lane.out_tile_step);
    rows:
        for (int row = 0; row < rows; ++row) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
            write_codes<P>(activation, out + row, int(lane.out_plane), lane.is_wide, row_of<P>(square, row));
        }
    }
}

template <class MACHINE>
void vector_unit(
    const Lane& lane, ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    const Tables<MACHINE::SIDE>& tables, const RowMoments<MACHINE>& row_moments) {
    LaneConstants<MACHINE> with;
#pragma HLS array_partition variable = with.normals complete
    const bool is_norm = lane.function == LANE_LAYERNORM;
constants:
    for (int n = 0; n < 2; ++n) {
        const bool is_there = lane.function == LANE_ACTIVATION || (lane.has_b && !is_norm);
        const bool is_read = is_there && (n == 0 || lane.function == LANE_ADD);
        with.constants[n] = parameter_set(is_read ? parameters[int(lane.sets) + n] : 0);
    }
row_blocks:
    for (int row_block = 0; row_block < int(lane.row_blocks); ++row_block) {
        if (is_norm) {
            const int64_t epsilon = int64_t(parameters[int(lane.sets)]);
            row_normals<MACHINE>(with.normals, lane, row_block, epsilon, activation, row_moments);
        }
        if (lane.by_rows)
            lanes_by_rows<MACHINE>(lane, row_block, with, activation, parameters, tables);
        else
            lanes_by_columns<MACHINE>(lane, row_block, with, activation, parameters, tables);
    }
}

}  // namespace vitaccel
