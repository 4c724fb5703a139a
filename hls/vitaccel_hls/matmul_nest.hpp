// A matmul: tiles of columns outermost, in each all row-blocks.
#pragma once

#include "vitaccel_hls/epilogue.hpp"
#include "vitaccel_hls/paired_words.hpp"

namespace vitaccel {

// The sets of a tile's columns stand in 8 words behind its weights; where B is an activation, in the parameter buffer.
template <class MACHINE>
void read_column_sets(
    ParameterSet (&sets)[MACHINE::SIDE], const Matmul& matmul, int column_tile, const WeightBuffer<MACHINE>& weight,
    const ParameterBuffer<MACHINE>& parameters) {
    constexpr int P = MACHINE::SIDE;
    const int first = int(matmul.b) + column_tile * int(matmul.b_step) + int(matmul.depth);
read_sets:
    for (int column = 0; column < P; ++column) {
#pragma HLS pipeline
        if (matmul.b_is_activation) {
            sets[column] = parameter_set(parameters[int(matmul.sets) + column_tile * P + column]);
            continue;
        }
        uint64_t raw = 0;
        for (int byte = 0; byte < SET_BYTES; ++byte) {
            const int place = SET_BYTES * column + byte;
            raw |= uint64_t(uint8_t(weight[first + place / P].lane[place % P])) << 8 * byte;
        }
        sets[column] = parameter_set(raw);
    }
}

// Sums of a row-block and a tile of columns, word by word of depth.
template <class MACHINE>
void sum_tile(
    Tile<MACHINE::SIDE>& tile, const Matmul& matmul, int a, int b, const ActivationBuffer<MACHINE>& activation,
    const WeightBuffer<MACHINE>& weight) {
#pragma HLS inline
    constexpr int P = MACHINE::SIDE;
    clear(tile);
depth:
    for (int k = 0; k < int(matmul.depth); ++k) {
#pragma HLS pipeline II = 1
        const Word<P> row = matmul.b_is_activation ? activation[b + k] : weight[b + k];
        accumulate(tile, row_operands(activation[a + k]), row);
    }
}

template <class MACHINE>
void matmul_nest(
    const Matmul& matmul, int row_blocks, ActivationBuffer<MACHINE>& activation, const WeightBuffer<MACHINE>& weight,
    const ParameterBuffer<MACHINE>& parameters, const Tables<MACHINE::SIDE>& tables,
    RowMoments<MACHINE>& row_moments) {
    constexpr int P = MACHINE::SIDE;
    ParameterSet sets[P];
#pragma HLS array_partition variable = sets complete
    Tile<P> tile;
#pragma HLS array_partition variable = tile.sum complete dim = 0
#ifdef VITACCEL_PAIRS
    std::vector<Pairs> pairs_of_a(row_blocks);
#endif
column_tiles:
    for (int n = 0; n < int(matmul.n_tiles); ++n) {
        read_column_sets<MACHINE>(sets, matmul, n, weight, parameters);
        const int b = int(matmul.b) + n * int(matmul.b_step);
#ifdef VITACCEL_PAIRS
        Pairs pairs_of_b;
        pair_words<P>(pairs_of_b, matmul.b_is_activation ? activation + b : weight + b, int(matmul.depth));
#endif
    row_blocks:
        for (int m = 0; m < row_blocks; ++m) {
            const int a = int(matmul.a) + m * int(matmul.a_step);
#ifdef VITACCEL_PAIRS
            if (n == 0) pair_words<P>(pairs_of_a[m], activation + a, int(matmul.depth));
            multiply_pairs<P>(tile, pairs_of_a[m], pairs_of_b);
#else
            sum_tile<MACHINE>(tile, matmul, a, b, activation, weight);
#endif
            const bool is_last = m == row_blocks - 1;
            if (matmul.by_rows)
                drain_rows<P>(tile, sets, matmul, m, n, is_last ? int(matmul.last_rows) : P, tables, activation);
            else
                drain_columns<MACHINE>(tile, sets, matmul, m, n, tables, activation, row_moments);
        }
    }
}

}  // namespace vitaccel
