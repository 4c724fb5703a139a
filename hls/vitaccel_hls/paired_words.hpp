// A tile's product in software: the sums that the array makes, two words of depth at a time, as processors like it.
//
// No hardware is made of this; VITACCEL_PAIRS puts it in the place of the array. A pair is two int16 in the halves of
// an int32, so that one instruction of a processor multiplies both and adds the products.
#pragma once

#include "vitaccel_hls/array.hpp"

#if defined(__SYNTHESIS__) && defined(VITACCEL_PAIRS)
#error "VITACCEL_PAIRS is for software: hardware has the array"
#endif

#ifndef __SYNTHESIS__

#include <cstddef>
#include <vector>

#ifdef __AVX512BW__
#include <immintrin.h>
#endif

namespace vitaccel {

using Pairs = std::vector<int32_t>;

static_assert(sizeof(Int<32>) == sizeof(int32_t), "sums are written as a processor's own");

// Words of depth 2 k and 2 k + 1 as P pairs, one after the other; behind an odd depth stands a word of zeros.
template <int P>
void pair_words(Pairs& pairs, const Word<P>* words, int depth) {
    pairs.resize(size_t(depth + 1) / 2 * P);
    const Word<P> zeros{};
    for (int k = 0; k < depth; k += 2) {
        const Word<P>& first = words[k];
        const Word<P>& second = k + 1 < depth ? words[k + 1] : zeros;
        int32_t* pair = pairs.data() + size_t(k / 2) * P;
        for (int lane = 0; lane < P; ++lane)
            pair[lane] = int32_t((uint32_t(int32_t(first.lane[lane])) & 0xffff) | uint32_t(second.lane[lane]) << 16);
    }
}

// Sums of four rows and sixteen columns, or of as many as there are.
template <int P>
void multiply_part(Tile<P>& tile, const Pairs& a, const Pairs& b, int row, int column, int rows, int columns) {
    const size_t pairs = b.size() / P;
#ifdef __AVX512BW__
    if (rows == 4 && columns == 16) {
        __m512i sums[4] = {};
        const int32_t *of_a = a.data() + row, *of_b = b.data() + column;
        for (size_t k = 0; k < pairs; ++k, of_a += P, of_b += P) {
            const __m512i words = _mm512_loadu_si512(of_b);
            sums[0] = _mm512_add_epi32(sums[0], _mm512_madd_epi16(_mm512_set1_epi32(of_a[0]), words));
            sums[1] = _mm512_add_epi32(sums[1], _mm512_madd_epi16(_mm512_set1_epi32(of_a[1]), words));
            sums[2] = _mm512_add_epi32(sums[2], _mm512_madd_epi16(_mm512_set1_epi32(of_a[2]), words));
            sums[3] = _mm512_add_epi32(sums[3], _mm512_madd_epi16(_mm512_set1_epi32(of_a[3]), words));
        }
        for (int n = 0; n < 4; ++n) _mm512_storeu_si512(&tile.sum[row + n][column], sums[n]);
        return;
    }
#endif
    for (int n = 0; n < rows; ++n) {
        int32_t sums[16] = {};
        for (size_t k = 0; k < pairs; ++k) {
            const int32_t pair = a[k * P + row + n];
            for (int c = 0; c < columns; ++c) {
                const int32_t other = b[k * P + column + c];
                sums[c] += int16_t(pair & 0xffff) * int16_t(other & 0xffff) + (pair >> 16) * (other >> 16);
            }
        }
        for (int c = 0; c < columns; ++c) tile.sum[row + n][column + c] = sums[c];
    }
}

// The product of paired words: all sums of a tile.
template <int P>
void multiply_pairs(Tile<P>& tile, const Pairs& a, const Pairs& b) {
    for (int row = 0; row < P; row += 4) {
        for (int column = 0; column < P; column += 16)
            multiply_part<P>(tile, a, b, row, column, P - row < 4 ? P - row : 4, P - column < 16 ? P - column : 16);
    }
}

}  // namespace vitaccel

#endif
