// Moments of the rows of a few row-blocks: taken by the compute engine as they drain, for the LayerNorms behind.
#pragma once

#include "vitaccel_hls/buffer_formats.hpp"
#include "vitaccel_hls/layernorm.hpp"

#ifdef VITACCEL_CHECK_WIDTHS
#include <cstdio>
#include <cstdlib>
#endif

namespace vitaccel {

// Of a row-block: a lane for each of its rows.
template <int P>
struct BlockMoments {
    Moments lane[P];
};

// A machine without a place has an array of one that no instruction may name.
template <class MACHINE>
using RowMoments = BlockMoments<MACHINE::SIDE>[MACHINE::MOMENT_BLOCKS > 0 ? MACHINE::MOMENT_BLOCKS : 1];

template <int P>
BlockMoments<P> no_words() {
#pragma HLS inline
    BlockMoments<P> moments;
clear_moments:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        moments.lane[row] = no_channels();
    }
    return moments;
}

// A word more: one channel of every row.
template <int P>
BlockMoments<P> with_word(const BlockMoments<P>& moments, const Codes<P>& codes) {
#pragma HLS inline
    BlockMoments<P> next;
take_moments:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        next.lane[row] = with_channel(moments.lane[row], codes.lane[row]);
    }
    return next;
}

// The place of a row-block, from the place of the first one. Checked where widths are: a program for a machine of fewer
// places is refused by its header, so none is ever beyond the last.
template <class MACHINE>
int moments_place(int first, int row_block) {
#pragma HLS inline
    const int place = first + row_block;
#ifdef VITACCEL_CHECK_WIDTHS
    if (place >= MACHINE::MOMENT_BLOCKS) {
        std::fprintf(stderr, "the place of moments must be below %d, not %d\n", MACHINE::MOMENT_BLOCKS, place);
        std::abort();
    }
#endif
    return place;
}

}  // namespace vitaccel
