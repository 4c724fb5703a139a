// Powers of two for softmax: 2**(y - m) of a fixed-point logit y, by a table of its fraction and a shift.
//
// POWERS has FRACTION_BITS, and either MANTISSAS (HAS_LINES is false) or lines: SEGMENTS of them, BASES and SLOPES.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int LOGIT_BITS = 16;
constexpr int NUMERATOR_FRACTION = 15;

// From this right shift on, every mantissa is rounded to 0.
constexpr int OCTAVES = NUMERATOR_FRACTION + 2;

// Width of a signed m, which reaches a logit's largest value rounded up.
template <class POWERS>
constexpr int WHOLE_BITS = LOGIT_BITS - POWERS::FRACTION_BITS + 1;

template <class POWERS>
int64_t mantissa_of(int fraction) {
#pragma HLS inline
    static_assert(POWERS::FRACTION_BITS >= 1 && POWERS::FRACTION_BITS <= 10, "a logit has 1 to 10 fraction bits");
    if constexpr (POWERS::HAS_LINES) {
        constexpr int LINE_BITS = 2;
        constexpr int CODES = (1 << POWERS::FRACTION_BITS) / POWERS::SEGMENTS;
        const int line = fraction / CODES;
        return (int64_t(POWERS::BASES[line]) + int64_t(POWERS::SLOPES[line]) * (fraction % CODES)) >> LINE_BITS;
    } else {
        return POWERS::MANTISSAS[fraction];
    }
}

// The numerator 2**(y - m) with 15 fraction bits, 0 to 32768. m is not below y; but a lane beyond the last key, whose
// result nobody reads, may hold anything: there it is 0.
template <class POWERS>
int64_t exp2(Int<LOGIT_BITS> y, Int<WHOLE_BITS<POWERS>> m) {
#pragma HLS inline
    const int code = int(y);
    const int octaves = int(m) - (code >> POWERS::FRACTION_BITS);
    const int64_t mantissa = mantissa_of<POWERS>(code & ((1 << POWERS::FRACTION_BITS) - 1));
    return unsigned(octaves) >= unsigned(OCTAVES) ? 0 : round_shift(mantissa, octaves);
}

}  // namespace vitaccel
