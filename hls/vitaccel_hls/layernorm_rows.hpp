// LayerNorm of a row-block: its words stream twice, for the moments of the rows and to be normalized; only once where
// the moments were taken as the rows drained.
#pragma once

#include "vitaccel_hls/lane_moves.hpp"
#include "vitaccel_hls/row_moments.hpp"

namespace vitaccel {

// The moments of the rows of a row-block, from a first pass over its words.
template <class MACHINE>
BlockMoments<MACHINE::SIDE> streamed_moments(
    const Lane& lane, int row_block, const ActivationBuffer<MACHINE>& activation) {
#pragma HLS inline
    constexpr int P = MACHINE::SIDE;
    BlockMoments<P> moments = no_words<P>();
#pragma HLS array_partition variable = moments.lane complete
moments:
    for (int channel = 0; channel < int(lane.channels); ++channel) {
#pragma HLS pipeline II = 1
        moments = with_word(moments, operand_word<P>(activation, lane, row_block, channel));
    }
    return moments;
}

// What the rows of a row-block are normalized with.
template <class MACHINE>
void row_normals(
    Normal (&normals)[MACHINE::SIDE], const Lane& lane, int row_block, int64_t epsilon,
    const ActivationBuffer<MACHINE>& activation, const RowMoments<MACHINE>& row_moments) {
    constexpr int P = MACHINE::SIDE;
    BlockMoments<P> moments;
#pragma HLS array_partition variable = moments.lane complete
    if (lane.has_moments)
        moments = row_moments[moments_place<MACHINE>(int(lane.moments), row_block)];
    else
        moments = streamed_moments<MACHINE>(lane, row_block, activation);
normals:
    for (int n = 0; n < P; ++n) {
#pragma HLS pipeline II = 1
        normals[n] = normal_of<typename MACHINE::Rsqrt>(moments.lane[n], int(lane.channels), epsilon);
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
