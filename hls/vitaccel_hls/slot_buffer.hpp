// Reading and writing the activation buffer: int8, or int16 in a plane of low and a plane of high bytes.
#pragma once

#include "vitaccel_hls/buffer_formats.hpp"

namespace vitaccel {

// The codes at an address; the high bytes stand `plane` words behind the low ones.
template <int P>
Codes<P> read_codes(const Word<P>* buffer, int address, int plane, bool is_wide) {
#pragma HLS inline
    const Word<P> low = buffer[address];
    Codes<P> codes;
    if (!is_wide) {
    read_narrow:
        for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
            codes.lane[lane] = int16_t(low.lane[lane]);
        }
        return codes;
    }
    const Word<P> high = buffer[address + plane];
read_wide:
    for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
        codes.lane[lane] = int16_t(high.lane[lane] * 256 + uint8_t(low.lane[lane]));
    }
    return codes;
}

template <int P>
void write_codes(Word<P>* buffer, int address, int plane, bool is_wide, const Codes<P>& codes) {
#pragma HLS inline
    Word<P> low, high;
write_bytes:
    for (int lane = 0; lane < P; ++lane) {
#pragma HLS unroll
        const int16_t code = codes.lane[lane];
        low.lane[lane] = int8_t(code & 255);
        high.lane[lane] = int8_t(code >> 8);
    }
    buffer[address] = low;
    if (is_wide) buffer[address + plane] = high;
}

}  // namespace vitaccel
