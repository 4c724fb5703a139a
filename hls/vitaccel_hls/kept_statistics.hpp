// Maximum and reciprocal of each row of logits that are used again: written by one attention, read by the next.
#pragma once

#include "vitaccel_hls/logit_rows.hpp"

namespace vitaccel {

template <class MACHINE>
using KeptStatistics = KeptRow<typename MACHINE::LogitPowers>[MACHINE::KEPT_ROWS];

}  // namespace vitaccel
