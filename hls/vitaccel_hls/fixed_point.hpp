// The two operations that lose information: rounding, half up, and saturation.
#pragma once

#include <cstdint>

namespace vitaccel {

// floor(x / 2**shift + 1/2). |x| is below 2**62, shift 0 to 63.
inline int64_t round_shift(int64_t x, int shift) {
#pragma HLS inline
    const int64_t half = shift ? int64_t(1) << (shift - 1) : 0;
    return (x + half) >> shift;
}

// The nearest number that has so many bits, sign included.
template <int BITS>
int64_t saturate(int64_t x) {
#pragma HLS inline
    static_assert(BITS >= 2 && BITS <= 63, "a saturated number has 2 to 63 bits");
    constexpr int64_t MOST = (int64_t(1) << (BITS - 1)) - 1;
    return x > MOST ? MOST : x < -MOST - 1 ? -MOST - 1 : x;
}

// The same of numbers that are not negative.
template <int BITS>
int64_t saturate_unsigned(int64_t x) {
#pragma HLS inline
    static_assert(BITS >= 1 && BITS <= 62, "a saturated number has 1 to 62 bits");
    constexpr int64_t MOST = (int64_t(1) << BITS) - 1;
    return x > MOST ? MOST : x;
}

// The place of the highest bit of a number of up to BITS bits that is not 0.
template <int BITS>
int highest_bit(uint64_t x) {
#pragma HLS inline
    int place = 0;
highest_bit:
    for (int bit = 1; bit < BITS; ++bit) {
#pragma HLS unroll
        if (x >> bit & 1) place = bit;
    }
    return place;
}

}  // namespace vitaccel
