// What becomes of a tile's sums on their way to the activation buffer: a set for each column, then residual or table.
// Moments of rows are taken of what is written.
#pragma once

#include "vitaccel_hls/array.hpp"
#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/requantize.hpp"
#include "vitaccel_hls/residual.hpp"
#include "vitaccel_hls/row_moments.hpp"
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

// What was taken of a row-block's rows before a tile of columns.
template <class MACHINE>
BlockMoments<MACHINE::SIDE> moments_before(
    const Matmul& matmul, int row_block, int column_tile, const RowMoments<MACHINE>& row_moments) {
#pragma HLS inline
    const bool is_first = matmul.begins_moments && column_tile == 0;
    if (!matmul.takes_moments || is_first) return no_words<MACHINE::SIDE>();
    return row_moments[moments_place<MACHINE>(int(matmul.moments), row_block)];
}

// A tile by columns: a word is one channel of the P tokens of its rows.
template <class MACHINE>
void drain_columns(
    const Tile<MACHINE::SIDE>& tile, const ParameterSet (&sets)[MACHINE::SIDE], const Matmul& matmul, int row_block,
    int column_tile, const Tables<MACHINE::SIDE>& tables, ActivationBuffer<MACHINE>& activation,
    RowMoments<MACHINE>& row_moments) {
    constexpr int P = MACHINE::SIDE;
    const int out = int(matmul.out) + row_block * int(matmul.out_step) + column_tile * int(matmul.out_tile_step);
    const int residual = int(matmul.residual) + row_block * int(matmul.residual_step) +
                         column_tile * int(matmul.residual_tile_step);
    // Columns that count: those behind the last channel are padding.
    const int columns = matmul.takes_moments ? int(matmul.moments_channels) - column_tile * P : 0;
    BlockMoments<P> moments = moments_before<MACHINE>(matmul, row_block, column_tile, row_moments);
#pragma HLS array_partition variable = moments.lane complete
drain_columns:
    for (int column = 0; column < P; ++column) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = activation inter false
        Codes<P> added;
        if (matmul.has_residual) {
            added = read_codes<P>(activation, residual + column, int(matmul.residual_plane), true);
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
        write_codes<P>(activation, out + column, int(matmul.out_plane), matmul.is_wide, codes);
        if (column < columns) moments = with_word(moments, codes);
    }
    if (matmul.takes_moments) row_moments[moments_place<MACHINE>(int(matmul.moments), row_block)] = moments;
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
