// The reciprocal square root of a variance: a table and one Newton step, without a division.
//
// TABLE has INDEX_BITS, ENTRY_BITS, CENTRE and ENTRIES, the fields of vitaccel.reference.rsqrt.Rsqrt.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int VARIANCE_BITS = 63;
constexpr int ROOT_BITS = 18;

// 1 / sqrt(variance) is about mantissa / 2**(18 + exponent).
struct RootOf {
    UInt<ROOT_BITS> mantissa;
    UInt<5> exponent;
};

// Of a variance that is not 0.
template <class TABLE>
RootOf rsqrt(UInt<VARIANCE_BITS> variance) {
#pragma HLS inline
    constexpr int ARGUMENT_FRACTION = 17, STEP_FRACTION = 19;
    constexpr int FRACTION = ARGUMENT_FRACTION + 2 * TABLE::ENTRY_BITS;
    static_assert(FRACTION + 3 <= 62, "the product of the Newton step fits 64 bits");
    const uint64_t v = variance;
    const int k = highest_bit<VARIANCE_BITS>(v);
    // Left first: the highest bit comes to bit 62, so that nothing but the cut is lost.
    const int64_t x = int64_t((v << (VARIANCE_BITS - 1 - k)) >> (VARIANCE_BITS - 1 - ARGUMENT_FRACTION));
    const int index = int(x >> (ARGUMENT_FRACTION - TABLE::INDEX_BITS)) - (1 << TABLE::INDEX_BITS);
    const int odd = k & 1;
    const int64_t entry = TABLE::ENTRIES[(odd << TABLE::INDEX_BITS) + index];
    const int64_t square = (x * entry * entry) << odd;
    const int64_t factor = ((int64_t(3) << FRACTION) + TABLE::CENTRE - square) >> (FRACTION - STEP_FRACTION);
    const int64_t root = round_shift(entry * factor, TABLE::ENTRY_BITS + STEP_FRACTION + 1 - ROOT_BITS);
    RootOf found;
    found.mantissa = saturate_unsigned<ROOT_BITS>(root);
    found.exponent = k >> 1;
    return found;
}

}  // namespace vitaccel
