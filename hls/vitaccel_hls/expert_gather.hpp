// Gathering: an expert's tokens, from channel-lane rows wherever they stand into token-lane row-blocks.
#pragma once

#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/queues.hpp"
#include "vitaccel_hls/slot_buffer.hpp"
#include "vitaccel_hls/transposer.hpp"

namespace vitaccel {

template <class MACHINE>
void expert_gather(
    const Gather& gather, ActivationBuffer<MACHINE>& activation, const Queues& queues, const QueueLengths& lengths) {
    constexpr int P = MACHINE::SIDE;
    const int entries = int(lengths[int(gather.expert)]), first = int(queues.start[int(gather.expert)]);
    Square<P> square;
#pragma HLS array_partition variable = square.code complete dim = 0
row_blocks:
    for (int row_block = 0; row_block * P < entries; ++row_block) {
    tiles:
        for (int tile = 0; tile < int(gather.tiles); ++tile) {
        tokens:
            for (int lane = 0; lane < P; ++lane) {
#pragma HLS pipeline II = 1
                const int at = row_block * P + lane;
                Codes<P> row;
                if (at < entries) {
                    const int token = int(queues.entry[first + at].token);
                    row = read_codes<P>(activation, int(gather.a) + tile * int(gather.a_step) + token, 0, false);
                } else {
                    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
                        row.lane[n] = 0;
                    }
                }
                put_column<P>(square, lane, row);
            }
            const int channels = tile == int(gather.tiles) - 1 ? int(gather.last_channels) : P;
        channels:
            for (int channel = 0; channel < channels; ++channel) {
#pragma HLS pipeline II = 1
#pragma HLS loop_tripcount min = 1 max = P
                const int out = int(gather.out) + row_block * int(gather.out_step) + tile * P + channel;
                write_codes<P>(activation, out, 0, false, row_of<P>(square, channel));
            }
        }
    }
}

}  // namespace vitaccel
