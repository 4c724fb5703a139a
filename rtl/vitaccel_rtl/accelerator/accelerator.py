"""The accelerator: control, four engines and their buffers, behind AXI."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.compute_engine import READ_CLIENTS as COMPUTE_READERS
from vitaccel_rtl.accelerator.compute_engine import ComputeEngine
from vitaccel_rtl.accelerator.control import ControlUnit
from vitaccel_rtl.accelerator.lane_operands import READ_CLIENTS
from vitaccel_rtl.accelerator.lane_results import WRITE_CLIENTS
from vitaccel_rtl.accelerator.load_engine import CLIENT as LOAD_CLIENT
from vitaccel_rtl.accelerator.load_engine import LoadEngine
from vitaccel_rtl.accelerator.logit_reuse import REUSE_CLIENTS
from vitaccel_rtl.accelerator.parted_buffer import PartedBuffer
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.set_memory import SetMemory
from vitaccel_rtl.accelerator.slot_buffer import SlotBuffer
from vitaccel_rtl.accelerator.store_engine import CLIENT as STORE_CLIENT
from vitaccel_rtl.accelerator.store_engine import StoreEngine
from vitaccel_rtl.accelerator.vector_engine import VectorEngine
from vitaccel_rtl.accelerator.vector_unit import QUEUE, VectorUnit

COMPUTE_WRITERS = (0, 1, *REUSE_CLIENTS)
"""Clients of the activation buffer that are the compute engine's; the last if it reuses logits."""


class Accelerator(wiring.Component):
    """A machine with one array or several, each with its own part of the buffers of words.

    Parameters
    ----------
    machine
        What programs for it say of it, by the names of :data:`vitaccel_rtl.accelerator.control_map.PARAMETERS`: among
        others ``side``, ``arrays``, ``activation_words``, ``weight_words``, ``parameter_sets``, ``logit_words``.
    softmax
        Of :class:`vitaccel_rtl.accelerator.logit_rows.LogitRows`.
    rsqrt
        ``table``, ``entry_bits`` and ``centre`` of the LayerNorm's reciprocal square root.
    memory
        ``data_bits``, ``burst_beats``, ``outstanding``, ``address_bits`` of :class:`vitaccel_rtl.axi.Geometry`.
    macs_per_multiplier, kept_rows, moment_blocks
        Of :class:`vitaccel_rtl.accelerator.compute_engine.ComputeEngine`.
    router
        Of :class:`vitaccel_rtl.accelerator.expert_unit.ExpertUnit`; without it a machine has no experts.

    Attributes
    ----------
    s_axi_* : AXI4-Lite
        Registers: :func:`vitaccel_rtl.accelerator.control_map.machine_registers`.
    m_axi_* : AXI4
        Data, reads and writes.
    p_axi_* : AXI4
        The program, reads only, 64 bits.
    interrupt : Signal, out
        See :class:`vitaccel_rtl.accelerator.control.ControlUnit`.
    """

    def __init__(
        self, *, machine, softmax, rsqrt, memory, macs_per_multiplier=1, kept_rows=0, moment_blocks=0, router=None
    ):
        side, words, arrays = machine["side"], machine["activation_words"], machine["arrays"]
        sizes = {"side": side, "activation_words": words, "parts": arrays}
        self._control = ControlUnit(parameters=machine)
        self._load = LoadEngine(
            **sizes,
            weight_words=machine["weight_words"],
            parameter_sets=machine["parameter_sets"],
            align_bytes=1,
            **memory,
        )
        self._compute = ComputeEngine(
            side=side,
            words=words,
            weight_words=machine["weight_words"],
            logit_words=machine["logit_words"],
            sets=machine["parameter_sets"],
            softmax=softmax,
            macs_per_multiplier=macs_per_multiplier,
            kept_rows=kept_rows,
            moment_blocks=moment_blocks,
            arrays=arrays,
        )
        lanes = {"side": side, "words": words, "parts": arrays, "sets": machine["parameter_sets"], **rsqrt}
        self._has_moments = lanes["has_moments"] = moment_blocks > 0
        self._routes = router is not None
        self._vector = VectorUnit(**lanes, router=router) if self._routes else VectorEngine(**lanes)
        self._store = StoreEngine(**sizes, align_bytes=1, **memory)
        self._arrays, self._writers = arrays, COMPUTE_WRITERS if kept_rows else COMPUTE_WRITERS[:2]
        self._buffer = (
            PartedBuffer(
                side=side,
                parts=Parts(count=arrays, words=words),
                own_reads=COMPUTE_READERS,
                own_writes=self._writers,
            )
            if arrays > 1
            else SlotBuffer(side=side, words=words)
        )
        self._sets = SetMemory(sets=machine["parameter_sets"], readers=arrays + 1)
        self._passed = [
            (part, name, member)
            for part, prefixes in (
                (self._control, ("s_axi_", "p_axi_")),
                (self._load, ("m_axi_",)),
                (self._store, ("m_axi_",)),
            )
            for name, member in part.signature.members.items()
            if name.startswith(prefixes)
        ]
        super().__init__({**{name: member for _, name, member in self._passed}, "interrupt": Out(1)})

    @property
    def registers(self):
        """The register map."""
        return self._control.registers

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = self._control
        m.submodules.load, m.submodules.compute = load, compute = self._load, self._compute
        m.submodules.vector, m.submodules.store = vector, store = self._vector, self._store
        m.submodules.buffer = buffer = self._buffer
        m.submodules.sets = sets = self._sets
        for place, engine in enumerate((load, compute, vector, store)):
            wiring.connect(m, control.engines[place], engine.i)
            m.d.comb += [control.done[place].eq(engine.done), engine.phase.eq(control.phase)]
        m.d.comb += [
            control.error[0].eq(load.error),
            control.error[1].eq(store.error),
            buffer.phase.eq(control.phase),
            self.interrupt.eq(control.interrupt),
        ]
        self._connect_buffer(m, load, compute, vector, store, buffer)
        for run, copy in zip((*compute.sets, vector.sets), sets.reads, strict=True):
            wiring.connect(m, run, copy)
        for name in ("write_valid", "write_address", "write_word"):
            m.d.comb += getattr(sets, name).eq(getattr(load.parameter, name))
        m.d.comb += [
            compute.weight_valid.eq(load.weight.write_valid),
            compute.weight_address.eq(load.weight.write_address),
            compute.weight_word.eq(load.weight.write_word),
        ]
        if self._has_moments:
            m.d.comb += [getattr(compute, name).eq(getattr(vector, name)) for name in ("asks", "asked")]
            m.d.comb += [getattr(vector, name).eq(getattr(compute, name)) for name in ("there", "moments")]
        for name in QUEUE if self._routes else ():
            m.d.comb += getattr(compute, name).eq(getattr(vector, name))
        for engine in (compute, vector):
            m.d.comb += [
                engine.table_write.eq(load.table.write_enable),
                engine.table_address.eq(load.table.write_address),
                engine.table_entry.eq(load.table.write_data),
            ]
        for part, name, member in self._passed:
            inner, outer = getattr(part, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        return m

    def _connect_buffer(self, m, load, compute, vector, store, buffer):
        own = (compute.reads, compute.writes)
        if self._arrays > 1:
            targets = (buffer.part_reads, buffer.part_writes)
        else:
            targets = ([buffer.reads[c] for c in COMPUTE_READERS], [buffer.writes[c] for c in self._writers])
        for ports, clients in zip(own, targets, strict=True):
            for port, client in zip(ports, clients, strict=True):
                wiring.connect(m, port, client)
        readers = zip(READ_CLIENTS, vector.reads, strict=True)
        writers = zip(WRITE_CLIENTS, vector.writes, strict=True)
        for client, port in (*readers, (STORE_CLIENT, store.activation)):
            wiring.connect(m, port, buffer.reads[client])
        for client, port in (*writers, (LOAD_CLIENT, load.activation)):
            wiring.connect(m, port, buffer.writes[client])
