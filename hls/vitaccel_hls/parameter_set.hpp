// A parameter set: what a column, a channel or a head is requantized with. 8 bytes in memory.
#pragma once

#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int SET_BYTES = 8;
constexpr int FACTOR_BITS = 18;

struct ParameterSet {
    Int<32> offset;
    Int<FACTOR_BITS> multiplier;
    UInt<6> shift;
};

inline ParameterSet parameter_set(uint64_t raw) {
#pragma HLS inline
    constexpr int64_t SIGN = int64_t(1) << (FACTOR_BITS - 1);
    const int64_t multiplier = int64_t(raw >> 32 & (2 * SIGN - 1));
    ParameterSet set;
    set.offset = int32_t(uint32_t(raw));
    set.multiplier = (multiplier ^ SIGN) - SIGN;
    set.shift = raw >> (32 + FACTOR_BITS) & 63;
    return set;
}

}  // namespace vitaccel
