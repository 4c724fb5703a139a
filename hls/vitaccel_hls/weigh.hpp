// Weighing: an expert's result times its entry's gate score and the layer's multiplier, as what is added to a sum.
#pragma once

#include "vitaccel_hls/fixed_point.hpp"
#include "vitaccel_hls/parameter_set.hpp"
#include "vitaccel_hls/queues.hpp"

namespace vitaccel {

// Beyond 17 bits, what is added to an int16 saturates either way.
constexpr int UPDATE_BITS = 17;

inline int64_t weigh(Int<16> result, UInt<SCORE_BITS> score, const ParameterSet& set) {
#pragma HLS inline
    const int64_t factor = int64_t(score) * int64_t(set.multiplier);
    return saturate<UPDATE_BITS>(round_shift(int64_t(result) * factor, SCORE_BITS + int(set.shift)));
}

}  // namespace vitaccel
