// Requantization: an accumulator times a real constant, by one 18-bit multiplication, a shift, and one rounding.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/parameter_set.hpp"

namespace vitaccel {

constexpr int ACCUMULATOR_BITS = 32;

// (accumulator + offset) * multiplier / 2**shift, rounded and not saturated. Sums of 34 bits come from two products.
inline int64_t rescale(Int<34> accumulator, const ParameterSet& set) {
#pragma HLS inline
    const int64_t sum = int64_t(accumulator) + int64_t(set.offset);
    return round_shift(sum * int64_t(set.multiplier), int(set.shift));
}

template <int BITS>
int64_t requantize(Int<34> accumulator, const ParameterSet& set) {
#pragma HLS inline
    return saturate<BITS>(rescale(accumulator, set));
}

}  // namespace vitaccel
