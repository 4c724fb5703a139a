// LayerNorm of a row-block: its words stream twice, for the moments of the rows and to be normalized.
#pragma once

#include "vitaccel_hls/lane_moves.hpp"
#include "vitaccel_hls/layernorm.hpp"

namespace vitaccel {

// What the rows of a row-block are normalized with.
template <class MACHINE>
void row_normals(
    Normal (&normals)[MACHINE::SIDE], const Lane& lane, int row_block, int64_t epsilon,
    const ActivationBuffer<MACHINE>& activation) {
    constexpr int P = MACHINE::SIDE;
    Moments moments[P];
#pragma HLS array_partition variable = moments complete
clear_moments:
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        moments[n] = no_channels();
    }
moments:
    for (int channel = 0; channel < int(lane.channels); ++channel) {
#pragma HLS pipeline II = 1
        const Codes<P> codes = operand_word<P>(activation, lane, row_block, channel);
        for (int n = 0; n < P; ++n) {
#pragma HLS unroll
            moments[n] = with_channel(moments[n], codes.lane[n]);
        }
    }
normals:
    for (int n = 0; n < P; ++n) {
#pragma HLS pipeline II = 1
        normals[n] = normal_of<typename MACHINE::Rsqrt>(moments[n], int(lane.channels), epsilon);
    }
}

template <int P>
Codes<P> normalized_word(
    const Lane& lane, const Codes<P>& a, const Normal (&normals)[P], const ParameterSet& set) {
#pragma HLS inline
    Codes<P> codes;
lanes:
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        const int channels = int(lane.channels);
        codes.lane[n] = lane.is_wide ? normalized<16>(a.lane[n], normals[n], channels, set)
                                     : normalized<8>(a.lane[n], normals[n], channels, set);
    }
    return codes;
}

}  // namespace vitaccel
