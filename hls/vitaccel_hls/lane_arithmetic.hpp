// The lanes' elementwise functions: two products, their sum, one requantization, a table.
//
//   function                       x                y            offset, multiplier, shift
//   convert, add or mul without b  1                0            of the word's set
//   add                            of constant 0    of constant 1  0, 1, shift of constant 0
//   mul                            b                0            0, those of constant 0
//   activation                     1                0            0, those of constant 0; then the table
//   copy, zero                     1                0            0, 1, 0
#pragma once

#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/requantize.hpp"
#include "vitaccel_hls/slot_buffer.hpp"

namespace vitaccel {

// Whether every channel has a parameter set of its own.
inline bool has_own_sets(const Lane& lane) {
#pragma HLS inline
    const bool is_affine = lane.function == LANE_ADD || lane.function == LANE_MUL;
    return lane.function == LANE_CONVERT || (is_affine && !lane.has_b);
}

// What a x + b y is requantized with.
inline ParameterSet lane_set(const Lane& lane, const ParameterSet& own, const ParameterSet& constant) {
#pragma HLS inline
    if (has_own_sets(lane)) return own;
    const bool is_factor = lane.function == LANE_MUL || lane.function == LANE_ACTIVATION;
    ParameterSet set;
    set.offset = 0;
    set.multiplier = is_factor ? int64_t(constant.multiplier) : 1;
    set.shift = is_factor || lane.function == LANE_ADD ? int(constant.shift) : 0;
    return set;
}

template <int P>
Codes<P> lane_arithmetic(
    const Lane& lane, const Codes<P>& a, const Codes<P>& b, const ParameterSet& own,
    const ParameterSet (&constants)[2], const Tables<P>& tables) {
#pragma HLS inline
    const bool is_sum = lane.has_b && lane.function == LANE_ADD;
    const bool is_product = lane.has_b && lane.function == LANE_MUL;
    const int64_t factor = is_sum ? int64_t(constants[0].multiplier) : 1;
    const int64_t y = is_sum ? int64_t(constants[1].multiplier) : 0;
    const ParameterSet set = lane_set(lane, own, constants[0]);
    Codes<P> codes;
lanes:
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        const int64_t x = is_product ? int64_t(b.lane[n]) : factor;
        const int64_t sum = int64_t(a.lane[n]) * x + int64_t(b.lane[n]) * y;
        if (lane.function == LANE_ACTIVATION)
            codes.lane[n] = activate(tables[n], lane.table, requantize<8>(sum, set));
        else
            codes.lane[n] = lane.is_wide ? requantize<16>(sum, set) : requantize<8>(sum, set);
    }
    return codes;
}

}  // namespace vitaccel
