// Activation functions of int8 codes: a table of 256 outputs, one for each input from -128 up.
#pragma once

#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int TABLE_ENTRIES = 256;
constexpr int TABLE_SLOTS = 2;

// One table is in use while the other is loaded.
using Tables = Int<16>[TABLE_SLOTS][TABLE_ENTRIES];

inline int64_t activate(const Tables& tables, UInt<1> slot, Int<8> code) {
#pragma HLS inline
    return int64_t(tables[int(slot)][int(code) + TABLE_ENTRIES / 2]);
}

}  // namespace vitaccel
