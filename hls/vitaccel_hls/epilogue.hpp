// What becomes of a tile's sums on their way to the activation buffer: a set for each column, then residual or table.
#pragma once

#include "vitaccel_hls/array.hpp"
#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/requantize.hpp"
#include "vitaccel_hls/residual.hpp"
#include "vitaccel_hls/slot_buffer.hpp"

namespace vitaccel {

// One result of a matmul.
inline int64_t finished(
    Int<32> sum, const ParameterSet& set, Int<RESIDUAL_BITS> residual, const Matmul& matmul, const LaneTables& tables) {
#pragma HLS inline
    const int64_t update = rescale(int64_t(sum), set);
    if (matmul.has_table) return activate(tables, matmul.table, saturate<8>(update));
    return matmul.is_wide ? residual_add<16>(update, residual) : residual_add<8>(update, residual);
}

// A tile by columns: a word is one channel of the P tokens of its rows.
template <int P>
void drain_columns(
    const Tile<P>& tile, const ParameterSet (&sets)[P], const Matmul& matmul, int row_block, int column_tile,
    const Tables<P>& tables, Word<P>* activation) {
    const int out = int(matmul.out) + row_block * int(matmul.out_step) + column_tile * int(matmul.out_tile_step);
    const int residual = int(matmul.residual) + row_block * int(matmul.residual_step) +
                         column_tile * int(matmul.residual_tile_step);
drain_columns:
    for (int column = 0; column < P; ++column) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = activation inter false
        Codes<P> added;
        if (matmul.has_residual) {
            added = read_codes(activation, residual + column, int(matmul.residual_plane), true);
        } else {
            for (int row = 0; row < P; ++row) {
#pragma HLS unroll
                added.lane[row] = 0;
            }
        }
        Codes<P> codes;
        for (int row = 0; row < P; ++row) {
#pragma HLS unroll
            codes.lane[row] = finished(tile.sum[row][column], sets[column], added.lane[row], matmul, tables[row]);
        }
        write_codes(activation, out + column, int(matmul.out_plane), matmul.is_wide, codes);
    }
}

// A tile by rows: a word is P channels of one token. Only `rows` of them are tokens.
template <int P>
void drain_rows(
    const Tile<P>& tile, const ParameterSet (&sets)[P], const Matmul& matmul, int row_block, int column_tile, int rows,
    const Tables<P>& tables, Word<P>* activation) {
    const int out = int(matmul.out) + row_block * int(matmul.out_step) + column_tile * int(matmul.out_tile_step);
drain_rows:
    for (int row = 0; row < rows; ++row) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
        Codes<P> codes;
        for (int column = 0; column < P; ++column) {
#pragma HLS unroll
            codes.lane[column] = finished(tile.sum[row][column], sets[column], 0, matmul, tables[column]);
        }
        write_codes(activation, out + row, int(matmul.out_plane), matmul.is_wide, codes);
    }
}

}  // namespace vitaccel
