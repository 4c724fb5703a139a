// The far end of a serial line, 8 data bits, no parity, one stop bit, at a Verilated system.

#include <cstdint>
#include <deque>

#include "model.h"

namespace {

constexpr int kFrameBits = 10;

struct SerialHost {
  Model *model;
  uint8_t *to, *from;  // the lines to the system, and from it
  int64_t cycles_per_bit;
  std::deque<uint8_t> received;
  int64_t elapsed = 0;  // of the frame that comes; 0 while there is none
  uint32_t bits = 0;

  // A cycle with the line to the system at `level`.
  void cycle(bool level) {
    *to = level;
    model_eval(model);
    const bool line = *from & 1;
    if (elapsed || !line) {
      if (elapsed % cycles_per_bit == cycles_per_bit / 2) bits |= static_cast<uint32_t>(line) << elapsed / cycles_per_bit;
      if (++elapsed == kFrameBits * cycles_per_bit - cycles_per_bit / 4) {
        if (bits >> (kFrameBits - 1) & 1) received.push_back(static_cast<uint8_t>(bits >> 1));
        elapsed = 0;
        bits = 0;
      }
    }
    model_edge(model);
  }
};

}  // namespace

extern "C" {

void *serial_new(Model *model, int to, int from, int64_t cycles_per_bit) {
  auto *host = new SerialHost{model, static_cast<uint8_t *>(model_port(model, to)),
                              static_cast<uint8_t *>(model_port(model, from)), cycles_per_bit, {}};
  *host->to = 1;
  return host;
}

void serial_delete(SerialHost *host) { delete host; }

// Send bytes, one behind the other.
void serial_send(SerialHost *host, const uint8_t *bytes, int64_t count) {
  for (int64_t at = 0; at < count; ++at) {
    const uint32_t frame = (1u << (kFrameBits - 1)) | static_cast<uint32_t>(bytes[at]) << 1;
    for (int bit = 0; bit < kFrameBits; ++bit)
      for (int64_t cycle = 0; cycle < host->cycles_per_bit; ++cycle) host->cycle(frame >> bit & 1);
  }
}

// Hold the line for so many cycles: low is a break if they are those of 10 bits or more.
void serial_hold(SerialHost *host, bool level, int64_t cycles) {
  for (int64_t cycle = 0; cycle < cycles; ++cycle) host->cycle(level);
}

// Wait until so many bytes have come, or `limit` cycles have gone by; return how many were put at `bytes`.
int64_t serial_receive(SerialHost *host, uint8_t *bytes, int64_t count, int64_t limit) {
  while (static_cast<int64_t>(host->received.size()) < count && limit-- > 0) host->cycle(true);
  int64_t got = 0;
  for (; got < count && !host->received.empty(); ++got) {
    bytes[got] = host->received.front();
    host->received.pop_front();
  }
  return got;
}

}
