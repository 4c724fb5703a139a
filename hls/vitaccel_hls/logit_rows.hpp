// The logits of a row-block on their way from one product to the other, and the statistics of their rows.
#pragma once

#include "vitaccel_hls/probability.hpp"
#include "vitaccel_hls/requantize.hpp"
#include "vitaccel_hls/slot_buffer.hpp"

namespace vitaccel {

// Key after key, a word of P queries' logits.
template <class MACHINE>
struct LogitRows {
    static constexpr int P = MACHINE::SIDE;

    Codes<P> key[MACHINE::LOGIT_WORDS];
    RowStatistics<typename MACHINE::LogitPowers> row[P];
};

template <class MACHINE>
void clear_rows(LogitRows<MACHINE>& rows) {
#pragma HLS inline
clear_statistics:
    for (int lane = 0; lane < MACHINE::SIDE; ++lane) {
#pragma HLS unroll
        rows.row[lane] = no_keys<typename MACHINE::LogitPowers>();
    }
}

// The next key of all rows.
template <class MACHINE>
void take_key(LogitRows<MACHINE>& rows, int key, const Codes<MACHINE::SIDE>& logits) {
#pragma HLS inline
    rows.key[key] = logits;
take_lanes:
    for (int lane = 0; lane < MACHINE::SIDE; ++lane) {
#pragma HLS unroll
        rows.row[lane] = with_key<typename MACHINE::LogitPowers>(rows.row[lane], logits.lane[lane]);
    }
}

}  // namespace vitaccel
