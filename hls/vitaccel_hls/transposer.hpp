// The transposer: P words of P codes in, as columns, and out again as rows.
#pragma once

#include "vitaccel_hls/buffer_formats.hpp"

namespace vitaccel {

template <int P>
struct Square {
    Int<16> code[P][P];
};

template <int P>
void put_column(Square<P>& square, int column, const Codes<P>& codes) {
#pragma HLS inline
put_column:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        square.code[row][column] = codes.lane[row];
    }
}

template <int P>
Codes<P> row_of(const Square<P>& square, int row) {
#pragma HLS inline
    Codes<P> codes;
row_of:
    for (int column = 0; column < P; ++column) {
#pragma HLS unroll
        codes.lane[column] = square.code[row][column];
    }
    return codes;
}

}  // namespace vitaccel
