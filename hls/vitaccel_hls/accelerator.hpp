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

// All that is on chip.
template <class MACHINE>
struct Buffers {
    ActivationBuffer<MACHINE> activation;
    WeightBuffer<MACHINE> weight;
    ParameterBuffer<MACHINE> parameters;
    Tables tables;
    Queues queues;
    QueueLengths lengths;
    KeptStatistics<MACHINE> kept;
};

// The streams of an engine.
struct Wires {
    InstructionStream& queue;
    TokenStream& tokens;
    DoneStream& done;
};

template <class MACHINE>
bool load_step(Front& front, Wires wires, Buffers<MACHINE>& on, const Word<MACHINE::SIDE>* memory) {
#pragma HLS inline
    if (collect(front, wires.queue, wires.tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front))
        load_engine<MACHINE>(front.held, memory, on.activation, on.weight, on.parameters, on.tables);
    complete(front, wires.done);
    return false;
}

template <class MACHINE>
bool compute_step(Front& front, Wires wires, Buffers<MACHINE>& on) {
#pragma HLS inline
    if (collect(front, wires.queue, wires.tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front))
        compute_engine<MACHINE>(front.held, on.activation, on.weight, on.parameters, on.tables, on.lengths, on.kept);
    complete(front, wires.done);
    return false;
}

template <class MACHINE>
bool vector_step(Front& front, Wires wires, Buffers<MACHINE>& on) {
#pragma HLS inline
    if (collect(front, wires.queue, wires.tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front))
        vector_engine<MACHINE>(front.held, on.activation, on.parameters, on.tables, on.queues, on.lengths);
    complete(front, wires.done);
    return false;
}

template <class MACHINE>
bool store_step(Front& front, Wires wires, Buffers<MACHINE>& on, Word<MACHINE::SIDE>* memory) {
#pragma HLS inline
    if (collect(front, wires.queue, wires.tokens)) return true;
    if (!may_start(front)) return false;
    if (!is_end(front)) store_engine<MACHINE>(front.held, on.activation, memory);
    complete(front, wires.done);
    return false;
}

}  // namespace vitaccel
