// Normalized probabilities with 16 fraction bits, of logits that are used again and of gates.
#pragma once

#include "vitaccel_hls/softmax.hpp"

namespace vitaccel {

constexpr int PROBABILITY_BITS = 16;

// What is kept of a row: its maximum, and the reciprocal of its sum.
template <class POWERS>
struct KeptRow {
    Int<WHOLE_BITS<POWERS>> m;
    ReciprocalOf sum;
};

template <class POWERS, class TABLE>
KeptRow<POWERS> kept_row(const RowStatistics<POWERS>& row) {
#pragma HLS inline
    KeptRow<POWERS> kept;
    kept.m = row.m;
    kept.sum = reciprocal<TABLE>(uint32_t(row.sum));
    return kept;
}

// 65536, which a row of one key would need, saturates.
template <class POWERS>
UInt<PROBABILITY_BITS> probability(Int<LOGIT_BITS> y, const KeptRow<POWERS>& row) {
#pragma HLS inline
    const int64_t product = numerator_of<POWERS>(y, row.m) * int64_t(row.sum.mantissa);
    constexpr int MORE = RECIPROCAL_BITS - PROBABILITY_BITS;
    return saturate_unsigned<PROBABILITY_BITS>(round_shift(product, int(row.sum.exponent) + MORE));
}

}  // namespace vitaccel
