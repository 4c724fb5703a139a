// See memory.h.

#include "memory.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace {

constexpr uint64_t PAGE_BYTES = 4096;
constexpr int DECERR = 3;

}  // namespace

void Traffic::beat(int64_t cycle) {
  if (first_beat < 0) first_beat = cycle;
  last_beat = cycle;
  ++beats;
}

void Fault::say(const char *format, ...) {
  if (is_there()) return;
  char line[256];
  va_list values;
  va_start(values, format);
  std::vsnprintf(line, sizeof(line), format, values);
  va_end(values);
  text = line;
}

bool Dram::holds(uint64_t address, uint64_t count) const {
  return address >= base && address - base <= size && count <= size - (address - base);
}

int Dram::response(uint64_t address, uint64_t count) const {
  int worst = holds(address, count) ? 0 : DECERR;
  for (const Refusal &refusal : refusals)
    if (address < refusal.end && refusal.first < address + count) worst = std::max(worst, refusal.response);
  return worst;
}

void Dram::read(uint64_t address, uint8_t *to, uint64_t count) const {
  if (holds(address, count))
    std::memcpy(to, bytes + (address - base), count);
  else
    std::memset(to, 0xEE, count);
}

void Dram::write(uint64_t address, const uint8_t *from, const uint8_t *strobes, uint64_t count) {
  if (!holds(address, count)) return;
  uint8_t *to = bytes + (address - base);
  for (uint64_t lane = 0; lane < count; ++lane)
    if (strobes[lane / 8] >> lane % 8 & 1) to[lane] = from[lane];
}

// ---------------------------------------------------------------------------------------------------- what slaves share

Slave::Slave(const char *master, const Behaviour &behaviour, Dram *dram, Fault *fault)
    : master_(master), behaviour_(behaviour), dram_(dram), fault_(fault), state_(behaviour.seed) {
  for (int channel = 0; channel < CHANNELS; ++channel)
    threshold_[channel] = static_cast<uint64_t>(std::ldexp(behaviour.stall[channel], 32));
  forget();
}

void Slave::forget() {
  credit_ = behaviour_.cycles + behaviour_.beats - 1;
  traffic.in_flight = 0;
}

uint64_t Slave::draw() {  // splitmix64
  uint64_t value = state_ += 0x9E3779B97F4A7C15;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

bool Slave::acts(Channel channel) { return !threshold_[channel] || draw() >> 32 >= threshold_[channel]; }

int64_t Slave::due(int64_t cycle) {
  const int64_t more = behaviour_.jitter ? static_cast<int64_t>(draw() % (behaviour_.jitter + 1)) : 0;
  return cycle + behaviour_.latency + more;
}

void Slave::gain() { credit_ = std::min(credit_ + behaviour_.beats, behaviour_.cycles + behaviour_.beats - 1); }

void Slave::spend(int64_t cycle) {
  credit_ -= behaviour_.cycles;
  traffic.beat(cycle);
}

void Slave::announce(const char *channel, uint64_t address, int64_t beats, uint64_t size, uint64_t kind) {
  const uint64_t bytes = beats * beat_bytes_;
  if (uint64_t{1} << size != static_cast<uint64_t>(beat_bytes_) || kind != 1)
    fault_->say("%s %s: a burst must be INCR and of %d bytes, not %d and %d", master_, channel,
                static_cast<int>(beat_bytes_), static_cast<int>(kind), 1 << size);
  else if (address % beat_bytes_)
    fault_->say("%s %s: a burst must begin with a whole beat, not at %#llx", master_, channel,
                static_cast<unsigned long long>(address));
  else if (beats > behaviour_.longest_burst)
    fault_->say("%s %s: a burst must have at most %d beats, not %d", master_, channel,
                static_cast<int>(behaviour_.longest_burst), static_cast<int>(beats));
  else if (address / PAGE_BYTES != (address + bytes - 1) / PAGE_BYTES)
    fault_->say("%s %s: %d beats at %#llx cross 4 KiB", master_, channel, static_cast<int>(beats),
                static_cast<unsigned long long>(address));
  else if (!dram_->refuses_outside && !dram_->holds(address, bytes))
    fault_->say("%s %s: a burst must lie in the %llu bytes from %#llx, not at %#llx", master_, channel,
                static_cast<unsigned long long>(dram_->size), static_cast<unsigned long long>(dram_->base),
                static_cast<unsigned long long>(address));
  ++traffic.bursts;
  traffic.most_in_flight = std::max(traffic.most_in_flight, ++traffic.in_flight);
  if (traffic.in_flight > behaviour_.in_flight)
    fault_->say("%s %s: at most %d bursts may be in flight, not %d", master_, channel,
                static_cast<int>(behaviour_.in_flight), static_cast<int>(traffic.in_flight));
}

AddressPins::AddressPins(Model *model, const int *places)
    : valid(model, places[0]), ready(model, places[1]), address(model, places[2]), length(model, places[3]),
      size(model, places[4]), burst(model, places[5]) {}

// Returns whether an address was accepted in this cycle.
bool AddressPins::sample(const char *master, const char *channel, Fault *fault) {
  if (!valid.bit()) {
    if (waits_) fault->say("%s %s: valid fell before the word was accepted", master, channel);
    waits_ = false;
    return false;
  }
  const uint64_t seen[] = {address.number(), length.number(), size.number(), burst.number()};
  if (waits_ && std::memcmp(seen, held_, sizeof(seen)) != 0)
    fault->say("%s %s: the payload changed before the word was accepted", master, channel);
  waits_ = !ready.bit();
  if (waits_) std::memcpy(held_, seen, sizeof(seen));
  return !waits_;
}

// -------------------------------------------------------------------------------------------------------------- reading

ReadSlave::ReadSlave(Model *model, const int *places, const char *master, const Behaviour &behaviour, Dram *dram,
                     Fault *fault)
    : Slave(master, behaviour, dram, fault), ar_(model, places), valid_(model, places[6]), ready_(model, places[7]),
      data_(model, places[8]), response_(model, places[9]), last_(model, places[10]) {
  beat_bytes_ = data_.bytes;
}

void ReadSlave::reset() {
  forget();
  ar_.forget();
  queue_.clear();
  offers_ = false;
  valid_.set(false);
  ar_.ready.set(false);
}

void ReadSlave::drive(int64_t cycle) {
  gain();
  ar_.ready.set(acts(AR));
  if (!offers_ && !queue_.empty() && queue_.front().due <= cycle && has_bandwidth() && acts(R)) {
    load(queue_.front());
    offers_ = true;
  }
  valid_.set(offers_);
}

void ReadSlave::load(const Burst &burst) {
  dram_->read(burst.address, data_.at, beat_bytes_);
  response_.put(dram_->response(burst.address, beat_bytes_));
  last_.set(burst.beats == 1);
}

void ReadSlave::sample(int64_t cycle) {
  if (offers_ && ready_.bit()) {
    offers_ = false;
    spend(cycle);
    Burst &burst = queue_.front();
    burst.address += beat_bytes_;
    if (!--burst.beats) {
      queue_.pop_front();
      --traffic.in_flight;
    }
  }
  if (ar_.sample(master_, "AR", fault_)) {
    const Burst burst{due(cycle), ar_.address.number(), static_cast<int64_t>(ar_.length.number()) + 1};
    announce("AR", burst.address, burst.beats, ar_.size.number(), ar_.burst.number());
    queue_.push_back(burst);
  }
}

// -------------------------------------------------------------------------------------------------------------- writing

WriteSlave::WriteSlave(Model *model, const int *places, const char *master, const Behaviour &behaviour, Dram *dram,
                       Fault *fault)
    : Slave(master, behaviour, dram, fault), aw_(model, places), valid_(model, places[6]), ready_(model, places[7]),
      data_(model, places[8]), strobes_(model, places[9]), last_(model, places[10]), answer_valid_(model, places[11]),
      answer_ready_(model, places[12]), response_(model, places[13]) {
  beat_bytes_ = data_.bytes;
}

void WriteSlave::reset() {
  forget();
  aw_.forget();
  announced_.clear();
  filled_.clear();
  beats_.clear();
  answers_.clear();
  waits_ = offers_ = false;
  aw_.ready.set(false);
  ready_.set(false);
  answer_valid_.set(false);
}

void WriteSlave::drive(int64_t cycle) {
  gain();
  aw_.ready.set(acts(AW) && (behaviour_.order != DATA_FIRST || !filled_.empty()));
  ready_.set(acts(W) && has_bandwidth() && (behaviour_.order != ADDRESS_FIRST || !announced_.empty()));
  if (!offers_ && !answers_.empty() && answers_.front().due <= cycle && acts(B)) {
    response_.put(answers_.front().response);
    offers_ = true;
  }
  answer_valid_.set(offers_);
}

// Returns whether a beat was accepted in this cycle; `offered_` is its data and strobes, and whether it is the last.
bool WriteSlave::takes_beat() {
  if (!valid_.bit()) {
    if (waits_) fault_->say("%s W: valid fell before the word was accepted", master_);
    waits_ = false;
    return false;
  }
  offered_.assign(data_.at, data_.at + data_.bytes);
  offered_.insert(offered_.end(), strobes_.at, strobes_.at + strobes_.bytes);
  offered_.push_back(last_.bit());
  if (waits_ && offered_ != held_) fault_->say("%s W: the payload changed before the word was accepted", master_);
  waits_ = !ready_.bit();
  if (waits_) held_ = offered_;
  return !waits_;
}

void WriteSlave::sample(int64_t cycle) {
  if (offers_ && answer_ready_.bit()) {
    offers_ = false;
    answers_.pop_front();
    --traffic.in_flight;
  }
  if (aw_.sample(master_, "AW", fault_)) {
    const Burst burst{aw_.address.number(), static_cast<int64_t>(aw_.length.number()) + 1};
    announce("AW", burst.address, burst.beats, aw_.size.number(), aw_.burst.number());
    announced_.push_back(burst);
  }
  if (takes_beat()) {
    spend(cycle);
    beats_.insert(beats_.end(), offered_.begin(), offered_.end() - 1);
    if (offered_.back()) {
      filled_.push_back(std::move(beats_));
      beats_.clear();
    }
  }
  const int64_t longest = announced_.empty() ? behaviour_.longest_burst : announced_.front().beats;
  if (!announced_.empty() && !filled_.empty()) {
    answers_.push_back({due(cycle), write(announced_.front(), filled_.front())});
    announced_.pop_front();
    filled_.pop_front();
  } else if (filled_.empty() && static_cast<int64_t>(beats_.size()) >= longest * (data_.bytes + strobes_.bytes)) {
    fault_->say("%s W: no WLAST with beat %d of a burst", master_, static_cast<int>(longest));
  }
}

// Returns the response of a burst, which is in the memory then.
int WriteSlave::write(const Burst &burst, const Bytes &beats) {
  const int64_t step = data_.bytes + strobes_.bytes, count = beats.size() / step;
  if (count != burst.beats)
    fault_->say("%s W: WLAST with beat %d of a burst of %d", master_, static_cast<int>(count),
                static_cast<int>(burst.beats));
  int worst = 0;
  for (int64_t beat = 0; beat < std::min(count, burst.beats); ++beat) {
    const uint64_t address = burst.address + beat * beat_bytes_;
    const uint8_t *from = beats.data() + beat * step;
    worst = std::max(worst, dram_->response(address, beat_bytes_));
    dram_->write(address, from, from + data_.bytes, beat_bytes_);
  }
  return worst;
}
