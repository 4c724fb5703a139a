// LayerNorm of int16 codes with exact moments: no mean is rounded, and nothing is divided.
#pragma once

#include "vitaccel_hls/requantize.hpp"
#include "vitaccel_hls/rsqrt.hpp"

namespace vitaccel {

constexpr int NORMAL_FRACTION = 15;

// Sum and sum of squares of up to 4096 channels.
struct Moments {
    Int<28> sum;
    UInt<43> squares;
};

inline Moments no_channels() {
#pragma HLS inline
    Moments moments;
    moments.sum = 0;
    moments.squares = 0;
    return moments;
}

inline Moments with_channel(const Moments& moments, Int<16> x) {
#pragma HLS inline
    const int64_t code = x;
    Moments next;
    next.sum = int64_t(moments.sum) + code;
    next.squares = int64_t(moments.squares) + code * code;
    return next;
}

// What a row is normalized with.
struct Normal {
    Int<28> sum;
    RootOf root;
};

// Epsilon is in units of the squared input, times the square of the number of channels.
template <class TABLE>
Normal normal_of(const Moments& moments, int channels, int64_t epsilon) {
#pragma HLS inline
    const int64_t sum = moments.sum;
    Normal normal;
    normal.sum = sum;
    normal.root = rsqrt<TABLE>(channels * int64_t(moments.squares) - sum * sum + epsilon);
    return normal;
}

// A channel, normalized to 15 fraction bits, times its factor and plus its offset.
template <int BITS>
int64_t normalized(Int<16> x, const Normal& normal, int channels, const ParameterSet& set) {
#pragma HLS inline
    const int64_t product = (channels * int64_t(x) - int64_t(normal.sum)) * int64_t(normal.root.mantissa);
    const int64_t z = round_shift(product, int(normal.root.exponent) + ROOT_BITS - NORMAL_FRACTION);
    return saturate<BITS>(round_shift(z * int64_t(set.multiplier) + int64_t(set.offset), int(set.shift)));
}

}  // namespace vitaccel
