// The master of an AXI4-Lite slave: one access at a time.

#pragma once

#include <cstdint>

#include "pins.h"

struct RegisterMaster {
  // Places: awaddr, awprot, awvalid, awready, wdata, wstrb, wvalid, wready, bresp, bvalid, bready, araddr, arprot,
  // arvalid, arready, rdata, rresp, rvalid, rready.
  static constexpr int PLACES = 19;

  RegisterMaster(Model *model, const int *places)
      : awaddr(model, places[0]), awprot(model, places[1]), awvalid(model, places[2]), awready(model, places[3]),
        wdata(model, places[4]), wstrb(model, places[5]), wvalid(model, places[6]), wready(model, places[7]),
        bresp(model, places[8]), bvalid(model, places[9]), bready(model, places[10]), araddr(model, places[11]),
        arprot(model, places[12]), arvalid(model, places[13]), arready(model, places[14]), rdata(model, places[15]),
        rresp(model, places[16]), rvalid(model, places[17]), rready(model, places[18]) {
    reset();
  }

  void reset() {
    awvalid.set(false);
    wvalid.set(false);
    arvalid.set(false);
    bready.set(true);
    rready.set(true);
  }

  void begin_read(uint64_t address) {
    araddr.put(address);
    arvalid.set(true);
  }

  void begin_write(uint64_t address, uint32_t value) {
    awaddr.put(address);
    wdata.put(value);
    wstrb.put(0xF);
    awvalid.set(true);
    wvalid.set(true);
  }

  // What is accepted in this cycle is not offered in the next. To be called when outputs are settled; the inputs change
  // at once, so the model must have had its clock edge before it settles again.
  struct Accepted {
    bool ar, aw, w;
  };
  Accepted accepted() const {
    return {arvalid.bit() && arready.bit(), awvalid.bit() && awready.bit(), wvalid.bit() && wready.bit()};
  }
  void advance(Accepted was) {
    if (was.ar) arvalid.set(false);
    if (was.aw) awvalid.set(false);
    if (was.w) wvalid.set(false);
  }

  Pin awaddr, awprot, awvalid, awready, wdata, wstrb, wvalid, wready, bresp, bvalid, bready;
  Pin araddr, arprot, arvalid, arready, rdata, rresp, rvalid, rready;
};
