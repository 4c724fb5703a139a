// The buffers on chip, and a word of them.
//
// MACHINE has the numbers of a program's header (SIDE, ACTIVATION_WORDS, WEIGHT_WORDS, PARAMETER_SETS, LOGIT_WORDS,
// MOMENT_BLOCKS) and what its softmax, LayerNorm and router are made of; vitaccel gen-hls writes it as machine.hpp.
#pragma once

#include "vitaccel_hls/activation.hpp"
#include "vitaccel_hls/parameter_set.hpp"

namespace vitaccel {

// P bytes: one channel of P tokens, or one token's P channels.
template <int P>
struct Word {
    static_assert(P >= 1 && P <= 128, "a word is what a bus of up to 1024 bits carries");
    int8_t lane[P];
};

static_assert(sizeof(Word<3>) == 3, "words follow each other in memory without a gap");

// P numbers.
template <int P>
struct Codes {
    Int<16> lane[P];
};

template <class MACHINE>
using ActivationBuffer = Word<MACHINE::SIDE>[MACHINE::ACTIVATION_WORDS];

template <class MACHINE>
using WeightBuffer = Word<MACHINE::SIDE>[MACHINE::WEIGHT_WORDS];

// A set, or a number of 64 bits.
template <class MACHINE>
using ParameterBuffer = uint64_t[MACHINE::PARAMETER_SETS];

}  // namespace vitaccel
