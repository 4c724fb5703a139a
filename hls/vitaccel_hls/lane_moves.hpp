// Tokens that move by lanes: from two row-blocks into one, among those that stay where they are.
#pragma once

#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/slot_buffer.hpp"

namespace vitaccel {

// By how many tokens an operand is ahead of its result; less than 0 where tokens move down.
inline int ahead_of(const Lane& lane) {
#pragma HLS inline
    return lane.moves_up ? int(lane.shift) : -int(lane.shift);
}

// Whether a token that moves is at a place of the result.
inline bool is_moved(const Lane& lane, int place) {
#pragma HLS inline
    const int token = place + (ahead_of(lane) < 0 ? ahead_of(lane) : 0);
    return token >= 0 && token < int(lane.tokens);
}

// A channel of a row-block of the first operand, as it comes to the lanes of the result.
template <int P>
Codes<P> operand_word(const Word<P>* activation, const Lane& lane, int row_block, int channel) {
#pragma HLS inline
    const int a = int(lane.a) + channel, step = int(lane.a_step), plane = int(lane.a_plane);
    if (!int(lane.shift)) return read_codes(activation, a + row_block * step, plane, lane.a_is_wide);
    const int ahead = ahead_of(lane), first = row_block * P + ahead, block = (first + P) / P - 1;
    const int operands = int(lane.tokens) + (ahead > 0 ? ahead : 0);
    Codes<P> two[2];
    for (int part = 0; part < 2; ++part) {
        // A row-block without a token that moves is not there.
        const bool is_there = block + part >= 0 && (block + part) * P < operands;
        two[part] = read_codes(activation, is_there ? a + (block + part) * step : a, plane, lane.a_is_wide);
    }
    Codes<P> codes;
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        const int at = first - block * P + n;
        codes.lane[n] = two[at / P].lane[at % P];
    }
    return codes;
}

// A result, and what stays in the lanes that no token moved to.
template <int P>
Codes<P> among_others(const Word<P>* activation, const Lane& lane, int row_block, int channel, const Codes<P>& moved) {
#pragma HLS inline
    const int out = int(lane.out) + row_block * int(lane.out_step) + channel;
    Codes<P> codes = read_codes(activation, out, int(lane.out_plane), lane.is_wide);
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        if (is_moved(lane, row_block * P + n)) codes.lane[n] = moved.lane[n];
    }
    return codes;
}

}  // namespace vitaccel
