// The array: P x P multiply-accumulators, one word of each operand a cycle, sums that stay where they are.
#pragma once

#include "vitaccel_hls/buffer_formats.hpp"

namespace vitaccel {

// Operands of rows are int8, or unsigned digits of numerators.
constexpr int ROW_OPERAND_BITS = 9;

template <int P>
struct RowOperands {
    Int<ROW_OPERAND_BITS> lane[P];
};

// Sums of rows and columns.
template <int P>
struct Tile {
    Int<32> sum[P][P];
};

template <int P>
void clear(Tile<P>& tile) {
#pragma HLS inline
clear_rows:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        for (int column = 0; column < P; ++column) {
#pragma HLS unroll
            tile.sum[row][column] = 0;
        }
    }
}

template <int P>
RowOperands<P> row_operands(const Word<P>& word) {
#pragma HLS inline
    RowOperands<P> operands;
rows_of_word:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        operands.lane[row] = int16_t(word.lane[row]);
    }
    return operands;
}

// One cycle: the product of a column of A and a row of B is added.
template <int P>
void accumulate(Tile<P>& tile, const RowOperands<P>& a, const Word<P>& b) {
#pragma HLS inline
    int32_t columns[P];
broadcast:
    for (int column = 0; column < P; ++column) {
#pragma HLS unroll
        columns[column] = b.lane[column];
    }
multiply:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        const int32_t factor = a.lane[row];
        for (int column = 0; column < P; ++column) {
#pragma HLS unroll
            tile.sum[row][column] = int32_t(tile.sum[row][column]) + factor * columns[column];
        }
    }
}

// Between two digits of an operand: what was summed counts 256 times.
template <int P>
void shift_digit(Tile<P>& tile) {
#pragma HLS inline
shift_rows:
    for (int row = 0; row < P; ++row) {
#pragma HLS unroll
        for (int column = 0; column < P; ++column) {
#pragma HLS unroll
            tile.sum[row][column] = int32_t(tile.sum[row][column]) * 256;
        }
    }
}

}  // namespace vitaccel
