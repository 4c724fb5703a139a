// The reciprocal of a softmax's sum: a table and one Newton step, without a division.
//
// TABLE has INDEX_BITS, ENTRY_BITS, CENTRE and ENTRIES, the fields of vitaccel.reference.reciprocal.Reciprocal.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int SUM_BITS = 32;
constexpr int RECIPROCAL_BITS = 17;

// 1 / sum is about mantissa / 2**(17 + exponent).
struct ReciprocalOf {
    UInt<RECIPROCAL_BITS> mantissa;
    UInt<5> exponent;
};

// Of a sum that is not 0.
template <class TABLE>
ReciprocalOf reciprocal(UInt<SUM_BITS> sum) {
#pragma HLS inline
    static_assert(TABLE::INDEX_BITS >= 4 && TABLE::INDEX_BITS <= 7, "with more entries the mantissa reaches 2**17");
    constexpr int ARGUMENT_FRACTION = 16;
    const int k = highest_bit<SUM_BITS>(sum);
    const int64_t x = int64_t((uint64_t(sum) << ARGUMENT_FRACTION) >> k);
    const int64_t entry = TABLE::ENTRIES[(x >> (ARGUMENT_FRACTION - TABLE::INDEX_BITS)) - (1 << TABLE::INDEX_BITS)];
    const int64_t product = (x * entry) >> (TABLE::ENTRY_BITS + ARGUMENT_FRACTION - RECIPROCAL_BITS);
    const int64_t factor = (int64_t(2) << RECIPROCAL_BITS) + TABLE::CENTRE - product;
    ReciprocalOf found;
    found.mantissa = round_shift(entry * factor, TABLE::ENTRY_BITS);
    found.exponent = k;
    return found;
}

}  // namespace vitaccel
