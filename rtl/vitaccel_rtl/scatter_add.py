"""Scatter-add: an expert's results times their gate scores, added where their tokens are.

    total[row] = saturate(total[row] + round_shift(result * score * multiplier, 16 + shift), 16)

The integers of `vitaccel.backends.interpreter.moe.scatter_add`, for one bank of the buffer: with several arrays every
bank has a block of its own, and all take the same queue. The sum is channel-lane int16, so that a token is one word.
"""

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from vitaccel_rtl import latency
from vitaccel_rtl.credit_queue import CreditQueue, enqueue
from vitaccel_rtl.fifo import LEAST_DEPTH, StreamFifo
from vitaccel_rtl.fixed_point import saturate
from vitaccel_rtl.formats import SCORE_BITS
from vitaccel_rtl.gate_factors import GateFactors, scale_job
from vitaccel_rtl.queue_walk import QueueWalk, check_walk
from vitaccel_rtl.stream import Pipeline, check_range, lane_word
from vitaccel_rtl.transposer import Transposer
from vitaccel_rtl.weigh import RESULT_BITS, UPDATE_BITS, Weigh


class Accumulate(Pipeline):
    """Adds updates to sums, one word a cycle: the sum, and its saturation.

    Parameters
    ----------
    lanes
        P.
    address_bits
        Width of the address that a word carries along.

    Attributes
    ----------
    i : stream
        ``lanes`` (signed, 17 bits), ``total`` (int16 a lane), ``address``, ``taken``, ``last``.
    o : stream
        ``lanes`` (int16), ``address``, ``taken``, ``last``.
    """

    def __init__(self, *, lanes, address_bits):
        self._address_bits = address_bits
        fields = {"address": unsigned(address_bits), "taken": 1}
        total = data.ArrayLayout(signed(RESULT_BITS), lanes)
        super().__init__(
            i=lane_word(lanes, signed(UPDATE_BITS), total=total, **fields),
            o=lane_word(lanes, signed(RESULT_BITS), **fields),
            latency_cycles=latency.ACCUMULATE,
        )

    def connect(self, m, stages, valid, last):
        m.d.comb += [
            self.o.p.address.eq(stages.delay(self.i.p.address, latency.ACCUMULATE, name="address")),
            self.o.p.taken.eq(stages.delay(self.i.p.taken, latency.ACCUMULATE, name="taken")),
        ]
        for i, out in enumerate(self.o.p.lanes):
            total = stages.register(self.i.p.lanes[i] + self.i.p.total[i], name=f"total{i}")
            m.d.comb += out.eq(stages.register(saturate(total, RESULT_BITS), name=f"code{i}"))


class ScatterAdd(wiring.Component):
    """Weighs P results a cycle, transposes them, and adds the word of each entry to its token's.

    One job after the other: a row may come again in the next job, and its sum must be written before it is read. So a
    job is accepted only when the one before has ended, with its last write accepted, and the buffer must answer a
    request with all that was accepted before. Two entries of one job never name one row, and tiles do not overlap.

    Parameters
    ----------
    side
        Lanes, entries of a block, channels of a tile, P: 2 to 64.
    address_bits
        Width of an address of the buffer, in words of P int16, 1 to 32.
    tile_bits, entry_bits
        Widths of numbers of tiles and of entries, 1 to 24.
    in_flight
        Reads under way at most, 3 to 256. For one word a cycle, more than the cycles in which the buffer answers.

    Attributes
    ----------
    job : stream
        ``address`` of the sum of the first routed token, ``step`` (words from one tile of channels to the next),
        ``tiles`` (1 or more), ``multiplier`` (signed, 18 bits), ``shift`` (0 to 47), ``entries`` (0 for an empty queue:
        nothing is read).
    entry : stream
        ``row`` (of a token, in words from the first routed token), ``score`` (uq0.16): as many as the job says.
    i : stream
        ``lanes`` (results of P entries, int16, one channel; those beyond the queue are not used), ``last`` (of the
        block's ``tiles * P`` channels).
    request, response : stream
        Addresses, and the words at them in the same order: P int16, channels of a tile.
    write : stream
        ``address``, ``lanes`` (P int16).
    busy : Signal, out
        A job that was accepted has not ended.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, address_bits=16, tile_bits=12, entry_bits=16, in_flight=16):
        check_range("in_flight of a scatter-add", in_flight, LEAST_DEPTH, 256)
        check_walk(side, address_bits, tile_bits, entry_bits)
        self._walk_options = {
            "side": side,
            "address_bits": address_bits,
            "tile_bits": tile_bits,
            "entry_bits": entry_bits,
        }
        self._side = side
        self._address_bits = address_bits
        self._entry_bits = entry_bits
        self._in_flight = in_flight
        address = unsigned(address_bits)
        word = data.ArrayLayout(signed(RESULT_BITS), side)
        job = scale_job(entry_bits, address=address, step=address, tiles=unsigned(tile_bits))
        entry = data.StructLayout({"row": address, "score": unsigned(SCORE_BITS)})
        super().__init__(
            {
                "job": In(stream.Signature(job)),
                "entry": In(stream.Signature(entry)),
                "i": In(stream.Signature(lane_word(side, signed(RESULT_BITS)))),
                "request": Out(stream.Signature(address)),
                "response": In(stream.Signature(word)),
                "write": Out(stream.Signature(data.StructLayout({"address": address, "lanes": word}))),
                "busy": Out(1),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a job of P entries or more to its end, beyond one a slot, if reads come in time."""
        return latency.scatter_add(self._side, self._side)

    def interval_cycles(self, *, entries, tiles):
        """Cycles from accepting a job to accepting the next, its entries and results at hand and reads in time.

        One a slot, P of every tile of every block of P entries, and the way of the last.
        """
        return latency.scatter_add_interval(entries, tiles, self._side)

    def elaborate(self, platform):
        m = Module()
        tag = data.StructLayout({"address": self._address_bits, "taken": 1, "last": 1})
        m.submodules.walk = walk = QueueWalk(**self._walk_options)
        m.submodules.factors = factors = GateFactors(side=self._side, entry_bits=self._entry_bits)
        m.submodules.weigh = weigh = Weigh(lanes=self._side)
        m.submodules.transposer = transposer = Transposer(side=self._side, width=UPDATE_BITS)
        m.submodules.tags = tags = StreamFifo(tag, depth=self._in_flight)
        m.submodules.accumulate = accumulate = Accumulate(lanes=self._side, address_bits=self._address_bits)
        # They cut the way of `write.ready` to the registers of all lanes, of which there are thousands: results are
        # weighed, and sums made, without a stop, as they have a place in a queue.
        m.submodules.weighed = weighed = CreditQueue(weigh.o.p.shape(), depth=latency.WEIGH + 2)
        m.submodules.updates = updates = CreditQueue(transposer.o.p.shape(), depth=2)
        m.submodules.sums = sums = CreditQueue(accumulate.o.p.shape(), depth=latency.ACCUMULATE + 2)
        connect(m, weighed.o, transposer.i)
        enqueue(m, transposer.o, updates)
        for lanes, queue in ((weigh, weighed), (accumulate, sums)):
            m.d.comb += [lanes.o.ready.eq(1), queue.arrives.eq(lanes.o.valid), queue.word.eq(lanes.o.p)]
        self._begin(m, walk, factors)
        self._weigh(m, factors.o, weigh.i, weighed)
        self._ask(m, walk.o, tags.i)
        self._add(m, tags.o, updates.o, accumulate.i, sums)
        self._write(m, sums.o)
        return m

    def _begin(self, m, walk, factors):
        """Jobs and entries go to the walk and to the factors in the same cycle."""
        may_begin = self.job.valid & ~self.busy
        m.d.comb += [
            self.job.ready.eq(~self.busy & walk.job.ready & factors.job.ready),
            walk.job.valid.eq(may_begin & factors.job.ready),
            factors.job.valid.eq(may_begin & walk.job.ready),
            self.entry.ready.eq(walk.entry.ready & factors.entry.ready),
            walk.entry.valid.eq(self.entry.valid & factors.entry.ready),
            factors.entry.valid.eq(self.entry.valid & walk.entry.ready),
            walk.entry.p.eq(self.entry.p.row),
            factors.entry.p.eq(self.entry.p.score),
        ]
        m.d.comb += [walk.job.p[name].eq(self.job.p[name]) for name in walk.job.p.shape().members]
        m.d.comb += [factors.job.p[name].eq(self.job.p[name]) for name in factors.job.p.shape().members]
        with m.If(self.job.valid & self.job.ready):
            m.d.sync += self.busy.eq(self.job.p.entries != 0)

    def _weigh(self, m, factors, word, weighed):
        """A block's factors stay until the last of its channels is accepted."""
        m.d.comb += [
            word.valid.eq(weighed.has_place & self.i.valid & factors.valid),
            weighed.reserve.eq(word.valid),
            self.i.ready.eq(weighed.has_place & factors.valid),
            factors.ready.eq(weighed.has_place & self.i.valid & self.i.p.last),
            word.p.lanes.eq(self.i.p.lanes),
            word.p.last.eq(self.i.p.last),
            word.p.factors.eq(factors.p.factors),
            word.p.shift.eq(factors.p.shift),
        ]

    def _ask(self, m, slot, tag):
        """A slot becomes a request, if it is taken, and a tag in either case: both or none."""
        m.d.comb += [
            self.request.valid.eq(slot.valid & slot.p.taken & tag.ready),
            self.request.payload.eq(slot.p.address),
            tag.valid.eq(slot.valid & (self.request.ready | ~slot.p.taken)),
            tag.p.address.eq(slot.p.address),
            tag.p.taken.eq(slot.p.taken),
            tag.p.last.eq(slot.p.ends_queue),
            slot.ready.eq(tag.ready & (self.request.ready | ~slot.p.taken)),
        ]

    def _add(self, m, tag, update, word, sums):
        """The update of an entry meets the sum that was asked for; that of a slot beyond the queue meets nothing."""
        answered = self.response.valid | ~tag.p.taken
        m.d.comb += [
            word.valid.eq(sums.has_place & tag.valid & update.valid & answered),
            sums.reserve.eq(word.valid),
            tag.ready.eq(sums.has_place & update.valid & answered),
            update.ready.eq(sums.has_place & tag.valid & answered),
            self.response.ready.eq(sums.has_place & tag.valid & update.valid & tag.p.taken),
            word.p.lanes.eq(update.p.lanes),
            word.p.total.eq(self.response.payload),
            word.p.address.eq(tag.p.address),
            word.p.taken.eq(tag.p.taken),
            word.p.last.eq(tag.p.last),
        ]

    def _write(self, m, word):
        m.d.comb += [
            self.write.valid.eq(word.valid & word.p.taken),
            self.write.p.address.eq(word.p.address),
            self.write.p.lanes.eq(word.p.lanes),
            word.ready.eq(self.write.ready | ~word.p.taken),
        ]
        with m.If(word.valid & word.ready & word.p.last):
            m.d.sync += self.busy.eq(0)
