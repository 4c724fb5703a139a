// Scatter-add: an expert's results times their gate scores, added where their tokens are, one entry after the other.
#pragma once

#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/residual.hpp"
#include "vitaccel_hls/slot_buffer.hpp"
#include "vitaccel_hls/weigh.hpp"

namespace vitaccel {

// The row of a token: a frame begins with a row-block.
template <int P>
int row_of_token(int token, int frame_tokens) {
#pragma HLS inline
    const int frame_rows = (frame_tokens + P - 1) / P * P;
    return token / frame_tokens * frame_rows + token % frame_tokens;
}

template <class MACHINE>
void expert_scatter(
    const ScatterAdd& scatter, ActivationBuffer<MACHINE>& activation, const ParameterBuffer<MACHINE>& parameters,
    const Queues& queues, const QueueLengths& lengths) {
    constexpr int P = MACHINE::SIDE;
    const int entries = int(lengths[int(scatter.expert)]), first = int(queues.start[int(scatter.expert)]);
    const ParameterSet set = parameter_set(parameters[int(scatter.sets)]);
entries:
    for (int at = 0; at < entries; ++at) {
        const Entry entry = queues.entry[first + at];
        const int row = row_of_token<P>(int(entry.token), int(queues.frame_tokens)), lane = row % P;
        const int a = int(scatter.a) + at / P * int(scatter.a_step);
        const int out = int(scatter.out) + row / P * int(scatter.out_step);
        // Channels are words of their own; the next entry may add to the same, so it waits until these are written.
    channels:
        for (int channel = 0; channel < int(scatter.channels); ++channel) {
#pragma HLS pipeline
#pragma HLS loop_flatten off
#pragma HLS dependence variable = activation inter false
            const Codes<P> results = read_codes<P>(activation, a + channel, int(scatter.a_plane), true);
            Codes<P> sums = read_codes<P>(activation, out + channel, int(scatter.out_plane), true);
            const int64_t update = weigh(results.lane[at % P], entry.score, set);
            sums.lane[lane] = residual_add<16>(update, sums.lane[lane]);
            write_codes<P>(activation, out + channel, int(scatter.out_plane), true, sums);
        }
    }
}

}  // namespace vitaccel
