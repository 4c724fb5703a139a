// The queues of all experts: whose tokens they are, with the gate score of each entry.
#pragma once

#include "vitaccel_hls/topk.hpp"

namespace vitaccel {

constexpr int MOST_TOKENS = 2048;
constexpr int SCORE_BITS = 16;

using QueueLengths = UInt<16>[MOST_EXPERTS];

struct Entry {
    UInt<11> token;
    UInt<SCORE_BITS> score;
};

// A token's choice of an expert.
struct Choice {
    UInt<5> expert;
    UInt<SCORE_BITS> score;
};

using TokenChoices = Choice[MOST_TOKENS][MOST_CHOICES];

// Entries of expert e follow each other from start[e] on; they are made of the choices of all tokens.
struct Queues {
    Entry entry[MOST_TOKENS * MOST_CHOICES];
    UInt<14> start[MOST_EXPERTS];
    UInt<16> frame_tokens;
    TokenChoices chosen;
};

// How queues are filled.
struct Filling {
    int tokens, experts, choices;
    int capacity;    // entries that a queue holds; 0: all
    bool by_choice;  // all first choices before any second
};

// The choice that comes at a place of the order in which queues are filled.
inline Choice choice_at(const TokenChoices& chosen, const Filling& filling, int place, int& token) {
#pragma HLS inline
    token = filling.by_choice ? place % filling.tokens : place / filling.choices;
    return chosen[token][filling.by_choice ? place / filling.tokens : place % filling.choices];
}

// Fill the queues: count, then put each entry where its queue has come to. What a queue does not hold is dropped.
inline void fill_queues(Queues& queues, QueueLengths& lengths, const Filling& filling) {
    const int places = filling.tokens * filling.choices, most = filling.capacity ? filling.capacity : MOST_TOKENS;
    int token = 0;
    UInt<16> counts[MOST_EXPERTS];
clear_counts:
    for (int expert = 0; expert < MOST_EXPERTS; ++expert) counts[expert] = 0;
count:
    for (int place = 0; place < places; ++place) {
        const int expert = int(choice_at(queues.chosen, filling, place, token).expert);
        if (int(counts[expert]) < most) counts[expert] = int(counts[expert]) + 1;
    }
    int start = 0;
starts:
    for (int expert = 0; expert < MOST_EXPERTS; ++expert) {
        queues.start[expert] = start;
        lengths[expert] = counts[expert];
        start += int(counts[expert]);
        counts[expert] = 0;
    }
fill:
    for (int place = 0; place < places; ++place) {
        const Choice choice = choice_at(queues.chosen, filling, place, token);
        const int expert = int(choice.expert), at = int(counts[expert]);
        if (at >= most) continue;
        Entry entry;
        entry.token = token;
        entry.score = choice.score;
        queues.entry[int(queues.start[expert]) + at] = entry;
        counts[expert] = at + 1;
    }
}

}  // namespace vitaccel
