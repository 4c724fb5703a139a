// Activation functions of int8 codes: a table of 256 outputs, one for each input from -128 up.
//
// Every lane has tables of its own, all alike, so that all are read in one cycle.
#pragma once

#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int TABLE_ENTRIES = 256;
constexpr int TABLE_SLOTS = 2;

// Of a lane: one table is in use while the other is loaded.
using LaneTables = Int<16>[TABLE_SLOTS][TABLE_ENTRIES];

template <int P>
using Tables = LaneTables[P];

inline int64_t activate(const LaneTables& tables, UInt<1> slot, Int<8> code) {
#pragma HLS inline
    return int64_t(tables[int(slot)][int(code) + TABLE_ENTRIES / 2]);
}

// An entry of the tables of all lanes.
template <int P>
void put_entry(Tables<P>& tables, int slot, int entry, Int<16> value) {
#pragma HLS inline
put_entry:
    for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
        tables[lane][slot][entry] = value;
    }
}

}  // namespace vitaccel
