// The compute engine: matmuls and attention on the one array.
#pragma once

#include "vitaccel_hls/matmul_nest.hpp"
#include "vitaccel_hls/queues.hpp"
#include "vitaccel_hls/transposed_nest.hpp"

namespace vitaccel {

template <class MACHINE>
void compute_engine(
    const Instruction& instruction, ActivationBuffer<MACHINE>& activation, const WeightBuffer<MACHINE>& weight,
    const ParameterBuffer<MACHINE>& parameters, const Tables<MACHINE::SIDE>& tables, RowMoments<MACHINE>& row_moments,
    const QueueLengths& lengths, KeptStatistics<MACHINE>& kept) {
    if (instruction.operation() == MATMUL) {
        const Matmul matmul = decode_matmul(instruction);
        // An expert's rows are those of its queue.
        const int entries = matmul.has_expert ? int(lengths[int(matmul.expert)]) : 0;
        const int row_blocks =
            matmul.has_expert ? (entries + MACHINE::SIDE - 1) / MACHINE::SIDE : int(matmul.row_blocks);
        matmul_nest<MACHINE>(matmul, row_blocks, activation, weight, parameters, tables, row_moments);
        return;
    }
    const Attention attention = decode_attention(instruction);
    if (int(attention.mode) == MODE_POST_SOFTMAX_T)
        transposed_nest<MACHINE>(attention, activation, parameters, kept);
    else
        attention_nest<MACHINE>(attention, activation, parameters, kept);
}

}  // namespace vitaccel
