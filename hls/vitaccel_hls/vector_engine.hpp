// The vector engine: streams through the lanes, and what takes tokens to experts and back.
#pragma once

#include "vitaccel_hls/expert_gather.hpp"
#include "vitaccel_hls/expert_router.hpp"
#include "vitaccel_hls/expert_scatter.hpp"
#include "vitaccel_hls/vector_unit.hpp"

namespace vitaccel {

template <class MACHINE>
void vector_engine(
    const Instruction& instruction, ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    const Tables<MACHINE::SIDE>& tables, const RowMoments<MACHINE>& row_moments, Queues& queues,
    QueueLengths& lengths) {
    const auto operation = instruction.operation();
    if (operation == ROUTE)
        expert_router<MACHINE>(decode_route(instruction), activation, queues, lengths);
    else if (operation == GATHER)
        expert_gather<MACHINE>(decode_gather(instruction), activation, queues, lengths);
    else if (operation == SCATTER_ADD)
        expert_scatter<MACHINE>(decode_scatter_add(instruction), activation, parameters, queues, lengths);
    else
        vector_unit<MACHINE>(decode_lane(instruction), activation, parameters, tables, row_moments);
}

}  // namespace vitaccel
