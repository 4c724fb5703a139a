// GELU and its relatives on wide codes: ReLU(x) less an even remainder that is linear in equal segments.
//
// TABLE has the fields of vitaccel.reference.gelu.WideGelu: BITS, FRACTION, STEP_BITS, SEGMENTS, and KNOTS, the
// remainder at the ends of segments with 4 guard bits.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

template <class TABLE>
int64_t wide_gelu(Int<TABLE::BITS> x) {
#pragma HLS inline
    static_assert(TABLE::STEP_BITS <= TABLE::FRACTION, "a segment is a whole number of codes");
    constexpr int GUARD_BITS = 4;
    constexpr int POSITION_BITS = TABLE::FRACTION - TABLE::STEP_BITS;
    const int64_t code = x;
    // The magnitude of the smallest code saturates, so that it has a bit less than the code.
    const int64_t magnitude = saturate<TABLE::BITS>(code < 0 ? -code : code);
    const int64_t position = magnitude & ((int64_t(1) << POSITION_BITS) - 1);
    const int64_t segment = magnitude >> POSITION_BITS;
    int64_t remainder = 0;
    if (segment < TABLE::SEGMENTS) {
        const int64_t start = TABLE::KNOTS[segment], end = TABLE::KNOTS[segment + 1];
        remainder = start * (int64_t(1) << POSITION_BITS) + (end - start) * position;
    }
    return (code < 0 ? 0 : code) + round_shift(-remainder, POSITION_BITS + GUARD_BITS);
}

}  // namespace vitaccel
