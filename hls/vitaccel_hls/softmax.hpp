// Online softmax of base 2: the running maximum and sum of a row, and the numerators that multiply V.
#pragma once

#include "vitaccel_hls/exp2.hpp"
#include "vitaccel_hls/reciprocal.hpp"

namespace vitaccel {

// The logit of a key that a query must not see.
constexpr int MASKED = -(1 << 15);

// Of rows of 4096 keys.
constexpr int ROW_SUM_BITS = 28;

// The m of a row before the first key that is not masked.
template <class POWERS>
constexpr int LOWEST = MASKED >> POWERS::FRACTION_BITS;

// What is known of a row after some of its keys.
template <class POWERS>
struct RowStatistics {
    Int<WHOLE_BITS<POWERS>> m;
    UInt<ROW_SUM_BITS> sum;
};

template <class POWERS>
RowStatistics<POWERS> no_keys() {
#pragma HLS inline
    RowStatistics<POWERS> row;
    row.m = LOWEST<POWERS>;
    row.sum = 0;
    return row;
}

// 2**(y - m) with 15 fraction bits; of a masked key 0, unless all keys so far are masked.
template <class POWERS>
int64_t numerator_of(Int<LOGIT_BITS> y, Int<WHOLE_BITS<POWERS>> m) {
#pragma HLS inline
    return int(y) == MASKED && int(m) > LOWEST<POWERS> ? 0 : exp2<POWERS>(y, m);
}

// The next key, in the order of the keys.
template <class POWERS>
RowStatistics<POWERS> with_key(const RowStatistics<POWERS>& row, Int<LOGIT_BITS> y) {
#pragma HLS inline
    const int before = row.m, whole = -(-int(y) >> POWERS::FRACTION_BITS);
    const int m = whole > before ? whole : before;
    // A rise from the lowest m, over masked keys only, forgets them; one by 31 and more leaves nothing.
    const int rise = m - before < 31 ? m - before : 31;
    const int64_t kept = before == LOWEST<POWERS> && rise ? 0 : int64_t(row.sum) >> rise;
    RowStatistics<POWERS> next;
    next.m = m;
    next.sum = kept + numerator_of<POWERS>(y, m);
    return next;
}

// What multiplies V: the numerator with BITS bits, of which all but one of 16 are behind the point.
template <class POWERS, int BITS>
UInt<BITS> numerator(Int<LOGIT_BITS> y, Int<WHOLE_BITS<POWERS>> m) {
#pragma HLS inline
    static_assert(BITS == 8 || BITS == 12 || BITS == 16, "numerators have 8, 12 or 16 bits");
    constexpr int FRACTION = BITS == 16 ? NUMERATOR_FRACTION : BITS;
    return saturate_unsigned<BITS>(round_shift(numerator_of<POWERS>(y, m), NUMERATOR_FRACTION - FRACTION));
}

// What an output of a row is multiplied by, A times this being its code: 1 / sum, and the scale of the output.
struct RowFactor {
    UInt<RECIPROCAL_BITS> multiplier;
    UInt<6> shift;
};

template <int NUMERATOR_BITS>
RowFactor row_factor(const ReciprocalOf& sum, int64_t multiplier, int shift) {
#pragma HLS inline
    constexpr int FRACTION = NUMERATOR_BITS == 16 ? NUMERATOR_FRACTION : NUMERATOR_BITS;
    RowFactor factor;
    factor.multiplier = round_shift(int64_t(sum.mantissa) * multiplier, RECIPROCAL_BITS);
    factor.shift = int(sum.exponent) + shift + FRACTION - NUMERATOR_FRACTION;
    return factor;
}

template <int BITS>
int64_t normalize(int64_t accumulated, const RowFactor& factor) {
#pragma HLS inline
    return saturate<BITS>(round_shift(accumulated * int64_t(factor.multiplier), int(factor.shift)));
}

}  // namespace vitaccel
