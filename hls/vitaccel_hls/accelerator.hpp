// The accelerator: four engines that run side by side on shared buffers, kept apart by tokens alone.
//
// A step of an engine takes what has come, and runs an instruction if it may start. In hardware every engine is a
// process that takes steps until all are through; software takes a step of each in turn.
#pragma once

#include "vitaccel_hls/completions.hpp"
#include "vitaccel_hls/compute_engine.hpp"
#include "vitaccel_hls/dispatch.hpp"
#include "vitaccel_hls/load_engine.hpp"
#include "vitaccel_hls/store_engine.hpp"
#include "vitaccel_hls/vector_engine.hpp"

namespace vitaccel {

template <class MACHINE>
bool load_step(
    Front& front, InstructionStream& queue, TokenStream& tokens, DoneStream& done, const Word<MACHINE::SIDE>* memory,
    ActivationBuffer<MACHINE>& activation, WeightBuffer<MACHINE>& weight, ParameterBuffer<MACHINE>& parameters,
    Tables<MACHINE::SIDE>& tables) {
#pragma HLS inline
    if (collect(front, queue, tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front)) load_engine<MACHINE>(front.held, memory, activation, weight, parameters, tables);
    complete(front, done);
    return false;
}

// What the compute engine has for itself: statistics of logits that are used again.
template <class MACHINE>
bool compute_step(
    Front& front, InstructionStream& queue, TokenStream& tokens, DoneStream& done,
    ActivationBuffer<MACHINE>& activation, const WeightBuffer<MACHINE>& weight,
    const ParameterBuffer<MACHINE>& parameters, const Tables<MACHINE::SIDE>& tables, RowMoments<MACHINE>& row_moments,
    const QueueLengths& lengths, KeptStatistics<MACHINE>& kept) {
#pragma HLS inline
    if (collect(front, queue, tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front))
        compute_engine<MACHINE>(front.held, activation, weight, parameters, tables, row_moments, lengths, kept);
    complete(front, done);
    return false;
}

// What the vector engine has for itself: the queues; their lengths are for the compute engine too.
template <class MACHINE>
bool vector_step(
    Front& front, InstructionStream& queue, TokenStream& tokens, DoneStream& done,
    ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    const Tables<MACHINE::SIDE>& tables, const RowMoments<MACHINE>& row_moments, QueueLengths& lengths,
    Queues& queues) {
#pragma HLS inline
    if (collect(front, queue, tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front))
        vector_engine<MACHINE>(front.held, activation, parameters, tables, row_moments, queues, lengths);
    complete(front, done);
    return false;
}

template <class MACHINE>
bool store_step(
    Front& front, InstructionStream& queue, TokenStream& tokens, DoneStream& done,
    const ActivationBuffer<MACHINE>& activation, Word<MACHINE::SIDE>* memory) {
#pragma HLS inline
    if (collect(front, queue, tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front)) store_engine<MACHINE>(front.held, activation, memory);
    complete(front, done);
    return false;
}

}  // namespace vitaccel
