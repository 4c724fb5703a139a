// A stream between two processes: hls::stream for an HLS tool, a queue elsewhere.
#pragma once

#if defined(__SYNTHESIS__) || defined(VITACCEL_HLS_STREAM)

#include <hls_stream.h>

namespace vitaccel {

template <class T, int DEPTH>
using Stream = hls::stream<T, DEPTH>;

}  // namespace vitaccel

#else

#include <deque>

namespace vitaccel {

// As hls::stream in a C simulation: it never is full, whatever its depth in hardware.
template <class T, int DEPTH>
class Stream {
  public:
    bool empty() const { return items.empty(); }

    void write(const T& item) { items.push_back(item); }

    bool read_nb(T& item) {
        if (items.empty()) return false;
        item = items.front();
        items.pop_front();
        return true;
    }

  private:
    std::deque<T> items;
};

}  // namespace vitaccel

#endif
