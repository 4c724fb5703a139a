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
    for (int n = 0; n < MOST_CHOICES; ++n) {
#pragma HLS unroll
        // Choices fall, so whoever is above this one is above all behind it.
        const bool is_above_this = int(logit) > int(choices.logit[n]);
        const bool is_above_last = n > 0 && int(logit) > int(choices.logit[n > 0 ? n - 1 : 0]);
        if (is_above_last) {
            next.expert[n] = choices.expert[n - 1];
            next.logit[n] = choices.logit[n - 1];
        } else if (is_above_this) {
            next.expert[n] = expert;
            next.logit[n] = int(logit);
        }
    }
    return next;
}

}  // namespace vitaccel
