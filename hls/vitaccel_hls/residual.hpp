// The residual addition: after the only rounding and before the only saturation, so nothing of the stream is lost.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int RESIDUAL_BITS = 16;

template <int BITS>
int64_t residual_add(int64_t update, Int<RESIDUAL_BITS> residual) {
#pragma HLS inline
    return saturate<BITS>(update + int64_t(residual));
}

}  // namespace vitaccel
