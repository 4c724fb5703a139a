// Routing: from router logits, row-block by row-block, to the queues of all experts.
#pragma once

#include "vitaccel_hls/instructions.hpp"
#include "vitaccel_hls/probability.hpp"
#include "vitaccel_hls/queues.hpp"
#include "vitaccel_hls/slot_buffer.hpp"

namespace vitaccel {

// The choices of a row-block's tokens and the statistics of their softmax.
template <class MACHINE>
struct RoutedRows {
    Choices choices[MACHINE::SIDE];
    RowStatistics<typename MACHINE::RouterPowers> row[MACHINE::SIDE];
};

template <class MACHINE>
void route_rows(
    RoutedRows<MACHINE>& rows, const Route& route, int row_block, const ActivationBuffer<MACHINE>& activation) {
    constexpr int P = MACHINE::SIDE;
    using Powers = typename MACHINE::RouterPowers;
clear_rows:
    for (int n = 0; n < P; ++n) {
#pragma HLS unroll
        rows.choices[n] = no_experts();
        rows.row[n] = no_keys<Powers>();
    }
experts:
    for (int expert = 0; expert < int(route.experts); ++expert) {
#pragma HLS pipeline II = 1
        const int place = int(route.logits) + row_block * int(route.logits_step) + expert;
        const Codes<P> logits = read_codes<P>(activation, place, int(route.logits_plane), true);
        for (int n = 0; n < P; ++n) {
#pragma HLS unroll
            rows.choices[n] = with_expert(rows.choices[n], expert, logits.lane[n]);
            if (!route.over_chosen) rows.row[n] = with_key<Powers>(rows.row[n], logits.lane[n]);
        }
    }
}

// The choices of a token, with their gate scores.
template <class MACHINE>
void score_choices(
    Choice (&chosen)[MOST_CHOICES], const Route& route, const Choices& choices,
    RowStatistics<typename MACHINE::RouterPowers> row) {
    using Powers = typename MACHINE::RouterPowers;
over_chosen:
    for (int n = 0; n < int(route.choices); ++n) {
#pragma HLS loop_tripcount min = 1 max = MOST_CHOICES
        if (route.over_chosen) row = with_key<Powers>(row, int(choices.logit[n]));
    }
    const KeptRow<Powers> kept = kept_row<Powers, typename MACHINE::Reciprocal>(row);
scores:
    for (int n = 0; n < int(route.choices); ++n) {
#pragma HLS loop_tripcount min = 1 max = MOST_CHOICES
        chosen[n].expert = choices.expert[n];
        chosen[n].score = probability<Powers>(int(choices.logit[n]), kept);
    }
}

template <class MACHINE>
void expert_router(
    const Route& route, const ActivationBuffer<MACHINE>& activation, Queues& queues, QueueLengths& lengths) {
    constexpr int P = MACHINE::SIDE;
    RoutedRows<MACHINE> rows;
#pragma HLS array_partition variable = rows.choices complete
#pragma HLS array_partition variable = rows.row complete
    int token = 0, of_frame = 0;
row_blocks:
    for (int row_block = 0; row_block < int(route.row_blocks); ++row_block) {
        route_rows<MACHINE>(rows, route, row_block, activation);
    tokens:
        for (int n = 0; n < P && token < int(route.tokens); ++n) {
#pragma HLS loop_tripcount min = 1 max = P
            score_choices<MACHINE>(queues.chosen[token], route, rows.choices[n], rows.row[n]);
            ++token;
            // A frame begins with a row-block.
            if (++of_frame == int(route.frame_tokens)) {
                of_frame = 0;
                break;
            }
        }
    }
    queues.frame_tokens = int(route.frame_tokens);
    const Filling filling{
        int(route.tokens), int(route.experts), int(route.choices), int(route.capacity), bool(route.by_choice)};
    fill_queues(queues, lengths, filling);
}

}  // namespace vitaccel
