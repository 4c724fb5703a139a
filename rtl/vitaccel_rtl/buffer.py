"""Banked on-chip buffers: several engines read and write the same words, each a word a cycle."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.arbiter import check_policy, grant, select
from vitaccel_rtl.bank import Bank
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.stream import check_range


class Buffer(wiring.Component):
    """Words interleaved over banks by their low address bits; each bank serves one read and one write a cycle.

    Parameters
    ----------
    words
        2 to 65,536, a multiple of *banks*. They are 0 until they are written; a reset leaves them as they are.
    width
        Bits of a word, 1 to 1024.
    banks
        A power of two, 1 to 16. Word a is in bank ``a % banks``.
    readers, writers
        Streams of requests, 1 to 8 each.
    lane_writes
        Equal parts of a word that are written or not on their own, a divisor of *width*. With 1 a write has no
        ``enable``, and writes the word.
    tag_bits
        Width of what comes back with a word as it was sent, 0 to 64.
    policy
        Who is served when several want a bank in the same cycle, on either side: ``fixed`` (the default), the lowest
        index, or ``round-robin``, for each bank those behind the last one served.
    outstanding
        Words of a reader that may be requested and not yet taken, ``latency_cycles + 1`` to 64.

    Attributes
    ----------
    requests : array of streams
        For each reader: ``address``, ``tag`` (with *tag_bits*), ``last``.
    responses : array of streams
        For each reader: ``word``, and ``tag`` and ``last`` of its request, in the order of its requests.
    writes : array of streams
        For each writer: ``address``, ``word``, ``enable`` (a bit for each of *lane_writes*).

    A read returns what was last written to its word by a write accepted in the same cycle or before. An address is
    below *words*. A response is offered ``latency_cycles`` after its request was accepted, or in the cycle after the
    one before it was taken. A response that is not taken holds up its own reader only. Who waits for whom, to the
    cycle, is in `vitaccel_rtl.bank_schedule`. What matters most of it:

    - a request waits for nobody but requests of the same side to the same bank in the same cycle;
    - readers (or writers) that stream with unit stride, as many as banks or fewer, fall into step: from the cycle in
      which the last of them starts each loses ``banks - 1`` cycles at most (reader r loses r at most under ``fixed``),
      and then none, while their responses are taken.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    depends_on_when = True
    """A read returns what was written before it."""

    def __init__(
        self, *, words, width, banks, readers, writers, lane_writes=1, tag_bits=0, policy="fixed", outstanding=8
    ):
        check_range("words of a buffer", words, 2, 1 << 16)
        check_range("width of a buffer", width, 1, 1024)
        check_range("banks of a buffer", banks, 1, 16)
        if banks & banks - 1:
            raise ValueError(f"banks of a buffer must be a power of two, not {banks}")
        if words % banks:
            raise ValueError(f"words of a buffer must be a multiple of its {banks} banks, not {words}")
        check_range("readers of a buffer", readers, 1, 8)
        check_range("writers of a buffer", writers, 1, 8)
        check_range("lane_writes of a buffer", lane_writes, 1, width)
        if width % lane_writes:
            raise ValueError(f"lane_writes of a buffer must divide its width of {width} bits, not be {lane_writes}")
        check_range("tag_bits of a buffer", tag_bits, 0, 64)
        check_policy("a buffer", policy)
        check_range("outstanding of a buffer", outstanding, latency.BUFFER_READ + 1, 64)
        self._words = words
        self._width = width
        self._banks = banks
        self._lane_writes = lane_writes
        self._policy = policy
        self._outstanding = outstanding
        self._bank_bits = (banks - 1).bit_length()
        address = unsigned((words - 1).bit_length())
        comes_back = {**({"tag": tag_bits} if tag_bits else {}), "last": 1}
        enable = {"enable": lane_writes} if lane_writes > 1 else {}
        self._response = data.StructLayout({"word": width, **comes_back})
        request = data.StructLayout({"address": address, **comes_back})
        write = data.StructLayout({"address": address, "word": width, **enable})
        super().__init__(
            {
                "requests": In(stream.Signature(request)).array(readers),
                "responses": Out(stream.Signature(self._response)).array(readers),
                "writes": In(stream.Signature(write)).array(writers),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a request to offering its response."""
        return latency.BUFFER_READ

    @property
    def interval_cycles(self):
        """Cycles from accepting a request of a reader to its next, or a write of a writer.

        While no other of its side wants the bank, and responses are taken as they come.
        """
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        lanes = [[Bank(words=self._words // self._banks, width=self._width // self._lane_writes)
                  for _ in range(self._lane_writes)] for _ in range(self._banks)]  # fmt: skip
        for place, parts in enumerate(lanes):
            for lane, part in enumerate(parts):
                m.submodules[f"bank{place}_lane{lane}"] = part
        queues = [CreditQueue(self._response, depth=self._outstanding) for _ in self.requests]
        for place, queue in enumerate(queues):
            m.submodules[f"queue{place}"] = queue
        granted = self._read(m, lanes, queues)
        self._respond(m, lanes, queues, granted)
        self._write(m, lanes)
        return m

    def _read(self, m, lanes, queues):
        """Return for each bank the readers that it serves in this cycle, one at most."""
        wanted = [request.valid & queue.has_place for request, queue in zip(self.requests, queues, strict=True)]
        granted = self._serve(m, self.requests, wanted, name="read")
        for parts, served in zip(lanes, granted, strict=True):
            address = select(served, [request.p.address[self._bank_bits :] for request in self.requests])
            for part in parts:
                m.d.comb += [part.read.eq(served.any()), part.read_address.eq(address)]
        for queue, request in zip(queues, self.requests, strict=True):
            m.d.comb += queue.reserve.eq(request.ready)
        return granted

    def _serve(self, m, streams, wanted, *, name):
        """Grant each bank to one of *streams* and say so to it; return the grants of each bank."""
        granted = []
        for bank in range(self._banks):
            wants = Signal(len(streams), name=f"{name}_wants{bank}")
            m.d.comb += wants.eq(Cat(
                want & (source.p.address[: self._bank_bits] == bank)
                for want, source in zip(wanted, streams, strict=True)
            ))  # fmt: skip
            granted.append(grant(m, wants, policy=self._policy, moves=1, name=f"{name}{bank}"))
        for place, source in enumerate(streams):
            m.d.comb += source.ready.eq(Cat(served[place] for served in granted).any())
        return granted

    def _respond(self, m, lanes, queues, granted):
        """Send each reader the word of the bank that served it, with what it sent, when the bank has it."""
        words = [Cat(part.data for part in parts) for parts in lanes]
        for place, (request, queue) in enumerate(zip(self.requests, queues, strict=True)):
            served = Cat(readers[place] for readers in granted)
            sent = Cat(getattr(request.p, name) for name in self._response.members if name != "word")
            for stage in range(latency.BANK):
                before, kept = (served, sent)
                served = Signal(self._banks, name=f"served{place}_{stage + 1}")
                sent = Signal(len(sent), name=f"sent{place}_{stage + 1}", reset_less=True)
                m.d.sync += [served.eq(before), sent.eq(kept)]
            m.d.comb += [
                queue.arrives.eq(served.any()),
                queue.word.as_value().eq(Cat(select(served, words), sent)),
                self.responses[place].valid.eq(queue.o.valid),
                self.responses[place].payload.eq(queue.o.payload),
                queue.o.ready.eq(self.responses[place].ready),
            ]

    def _write(self, m, lanes):
        granted = self._serve(m, self.writes, [write.valid for write in self.writes], name="write")
        part_width = self._width // self._lane_writes
        for parts, served in zip(lanes, granted, strict=True):
            address = select(served, [write.p.address[self._bank_bits :] for write in self.writes])
            word = select(served, [write.p.word for write in self.writes])
            enable = select(served, [write.p.enable if self._lane_writes > 1 else 1 for write in self.writes])
            for lane, part in enumerate(parts):
                m.d.comb += [
                    part.write.eq(enable[lane]),
                    part.write_address.eq(address),
                    part.write_data.eq(word[lane * part_width : (lane + 1) * part_width]),
                ]
