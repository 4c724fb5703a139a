// A stream between two processes: hls::stream for an HLS tool, a queue elsewhere.
#pragma once

#if defined(__SYNTHESIS__) || defined(VITACCEL_HLS_STREAM)

#include <hls_stream.h>

namespace vitaccel {

template <class T, int DEPTH>
using Stream = hls::stream<T, DEPTH>;

}  // namespace vitaccel

#elif defined(VITACCEL_THREADS)

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace vitaccel {

// Between threads: as deep as in hardware, so a writer waits while it is full.
template <class T, int DEPTH>
class Stream {
  public:
    void write(const T& item) {
        std::unique_lock<std::mutex> lock(mutex);
        has_room.wait(lock, [this] { return items.size() < DEPTH; });
        items.push_back(item);
    }

    bool read_nb(T& item) {
        {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!items.empty()) {
                item = items.front();
                items.pop_front();
                has_room.notify_one();
                return true;
            }
        }
        std::this_thread::yield();
        return false;
    }

  private:
    std::mutex mutex;
    std::condition_variable has_room;
    std::deque<T> items;
};

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
