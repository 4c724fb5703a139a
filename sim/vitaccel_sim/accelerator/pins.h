// Ports of a model: single bits, numbers up to 64 bits, and bytes of any width.

#pragma once

#include <cstdint>
#include <cstring>

#include "model.h"

struct Pin {
  uint8_t *at = nullptr;
  int64_t bytes = 0;

  Pin() = default;
  Pin(Model *model, int index)
      : at(static_cast<uint8_t *>(model_port(model, index))), bytes(model_port_bytes(model, index)) {}

  bool bit() const { return *at & 1; }
  void set(bool value) { *at = value; }

  uint64_t number() const {
    uint64_t value = 0;
    std::memcpy(&value, at, bytes);
    return value;
  }
  void put(uint64_t value) { std::memcpy(at, &value, bytes); }
};
