// DRAM behind AXI4: one array of bytes, and a slave for the read channels and for the write channels of a master.
//
// They answer as vitaccel_sim.bench.axi_memory does: the first beat of a burst (or the answer to it) is offered `latency`
// cycles after its address (and its data) were accepted, bursts in order. In each cycle `drive` comes first, then the
// model settles, then `sample`. What a master must not do becomes a fault, and ends the run.

#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "pins.h"

enum Channel { AR, R, AW, W, B, CHANNELS };

enum Order { ANY_ORDER, DATA_FIRST, ADDRESS_FIRST };

// How a slave answers; vitaccel_sim.accelerator.system has the same structure.
struct Behaviour {
  int64_t latency, jitter;          // cycles to the first beat; so many more at most, drawn for each burst
  int64_t beats, cycles;            // bandwidth: so many beats in so many cycles at most, beats <= cycles
  int64_t order;                    // whether AW waits for the data of its burst, or data for AW
  int64_t longest_burst, in_flight;  // what the master was built for
  double stall[CHANNELS];           // how often a channel does not act
  uint64_t seed;
};

// What went through a slave.
struct Traffic {
  int64_t bursts = 0, beats = 0, in_flight = 0, most_in_flight = 0, first_beat = -1, last_beat = -1;

  void beat(int64_t cycle);
};

struct Fault {
  std::string text;

  bool is_there() const { return !text.empty(); }
  // The first one stays.
  void say(const char *format, ...) __attribute__((format(printf, 2, 3)));
};

// Addresses whose beats are answered with an error.
struct Refusal {
  uint64_t first, end;
  int response;
};

struct Dram {
  uint8_t *bytes;
  uint64_t base, size;
  bool refuses_outside;  // whether a burst outside is answered with DECERR; else it is a fault
  std::vector<Refusal> refusals;

  bool holds(uint64_t address, uint64_t count) const;
  int response(uint64_t address, uint64_t count) const;
  void read(uint64_t address, uint8_t *to, uint64_t count) const;
  void write(uint64_t address, const uint8_t *from, const uint8_t *strobes, uint64_t count);
};

struct Slave {
  Slave(const char *master, const Behaviour &behaviour, Dram *dram, Fault *fault);

  Traffic traffic;

 protected:
  bool acts(Channel channel);
  int64_t due(int64_t cycle);
  bool has_bandwidth() const { return credit_ >= behaviour_.cycles; }
  void gain();
  void spend(int64_t cycle);
  void forget();
  void announce(const char *channel, uint64_t address, int64_t beats, uint64_t size, uint64_t kind);

  const char *master_;
  Behaviour behaviour_;
  Dram *dram_;
  Fault *fault_;
  int64_t beat_bytes_ = 0;

 private:
  uint64_t draw();

  uint64_t state_;
  uint64_t threshold_[CHANNELS];
  int64_t credit_;
};

// An address channel, as a slave sees it: what it offers stays as it is until it is accepted.
struct AddressPins {
  Pin valid, ready, address, length, size, burst;

  AddressPins() = default;
  AddressPins(Model *model, const int *places);
  bool sample(const char *master, const char *channel, Fault *fault);
  void forget() { waits_ = false; }

 private:
  bool waits_ = false;
  uint64_t held_[4] = {};
};

struct ReadSlave : Slave {
  // Places: arvalid, arready, araddr, arlen, arsize, arburst, rvalid, rready, rdata, rresp, rlast.
  static constexpr int PLACES = 11;
  ReadSlave(Model *model, const int *places, const char *master, const Behaviour &behaviour, Dram *dram, Fault *fault);
  void reset();
  void drive(int64_t cycle);
  void sample(int64_t cycle);

 private:
  struct Burst {
    int64_t due;
    uint64_t address;
    int64_t beats;
  };
  void load(const Burst &burst);

  AddressPins ar_;
  Pin valid_, ready_, data_, response_, last_;
  std::deque<Burst> queue_;
  bool offers_ = false;
};

struct WriteSlave : Slave {
  // Places: awvalid, awready, awaddr, awlen, awsize, awburst, wvalid, wready, wdata, wstrb, wlast, bvalid, bready, bresp.
  static constexpr int PLACES = 14;
  WriteSlave(Model *model, const int *places, const char *master, const Behaviour &behaviour, Dram *dram, Fault *fault);
  void reset();
  void drive(int64_t cycle);
  void sample(int64_t cycle);

 private:
  struct Burst {
    uint64_t address;
    int64_t beats;
  };
  struct Answer {
    int64_t due;
    int response;
  };
  using Bytes = std::vector<uint8_t>;
  bool takes_beat();
  int write(const Burst &burst, const Bytes &beats);

  AddressPins aw_;
  Pin valid_, ready_, data_, strobes_, last_, answer_valid_, answer_ready_, response_;
  std::deque<Burst> announced_;
  std::deque<Bytes> filled_;   // data and strobes of whole bursts, beat by beat
  Bytes beats_, held_, offered_;
  std::deque<Answer> answers_;
  bool waits_ = false, offers_ = false;
};
