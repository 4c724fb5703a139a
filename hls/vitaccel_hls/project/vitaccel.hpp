// The accelerator of this directory as one function: what an HLS tool makes hardware of.
#pragma once

#include "machine.hpp"
#include "vitaccel_hls/accelerator.hpp"

using MemoryWord = vitaccel::Word<vitaccel::Machine::SIDE>;

// The error, in software only, of a program that waits for what never comes; hardware would not end.
constexpr uint32_t STUCK = 0xffffffff;

// Rounds of all engines without a completion after which there will be none: a token is taken in the round behind its.
constexpr int MOST_IDLE = 4;

// Run a program.
//
// program        where program.bin stands, as words of 32 bits
// loads, stores  the memory from its first byte on, for the load and for the store engine: the same memory
// error          0, or what is wrong with the program (vitaccel::ErrorCode)
extern "C" void vitaccel_top(
    const uint32_t* program, const MemoryWord* loads, MemoryWord* stores, uint32_t* error);
