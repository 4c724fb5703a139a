// The best experts of a token, best first; of equal ones the lower expert is first.
#pragma once

#include "vitaccel_hls/integers.hpp"

namespace vitaccel {

constexpr int MOST_EXPERTS = 32;
constexpr int MOST_CHOICES = 4;

// Registers that an expert enters from below and rises in while its logit is strictly larger.
struct Choices {
    UInt<5> expert[MOST_CHOICES];
    Int<17> logit[MOST_CHOICES];
};

// Before the first expert: less than any logit.
inline Choices no_experts() {
#pragma HLS inline
    Choices choices;
    for (int n = 0; n < MOST_CHOICES; ++n) {
#pragma HLS unroll
        choices.expert[n] = 0;
        choices.logit[n] = -(1 << 16);
    }
    return choices;
}

// The next expert, in the order of the experts.
inline Choices with_expert(const Choices& choices, int expert, Int<16> logit) {
#pragma HLS inline
    Choices next = choices;
    for (int n = MOST_CHOICES - 1; n >= 0; --n) {
#pragma HLS unroll
        if (int(logit) <= int(choices.logit[n])) break;
        if (n < MOST_CHOICES - 1) {
            next.expert[n + 1] = choices.expert[n];
            next.logit[n + 1] = choices.logit[n];
        }
        next.expert[n] = expert;
        next.logit[n] = int(logit);
    }
    return next;
}

}  // namespace vitaccel
