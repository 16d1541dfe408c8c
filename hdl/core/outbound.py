"""What leaves the execute stage for other nodes, and for the gather engine."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from ..isa import Unit
from ..noc.packet import Coordinate, Op, flit_layout
from ..onehot import select
from . import gather
from .decode import is_unit
from .dispatch import stored_line, vectors_layout
from .issue import gathers, stores
from .layouts import TILE, operation_layout
from .slot import access_layout


class Outbound(wiring.Component):
    """Makes a packet of one slot's instruction, or a request to the gather engine, combinationally.

    Members
    -------
    operations, accesses, vectors : In
        What executes, what it accesses, and its vector registers.
    tries : In(slots), sends : In(1)
        One-hot, early: whose packet might leave; late: it does.
    mask : In
        Which lanes of a gather count.
    position : In(Coordinate), tiles : In
        Of this node; each thread's array for padded loads.
    packet : Out(stream of flits)
    gathers : Out(1), gather : Out
        The packet stands for this.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "operations": In(data.ArrayLayout(operation_layout(config), config.slots)),
            "accesses": In(data.ArrayLayout(access_layout(config), config.slots)),
            "vectors": In(vectors_layout(config)),
            "tries": In(config.slots),
            "sends": In(1),
            "mask": In(config.vector_bytes),
            "position": In(Coordinate),
            "tiles": In(data.ArrayLayout(TILE, config.threads)),
            "packet": Out(stream.Signature(flit_layout(config))),
            "gathers": Out(1),
            "gather": Out(gather.request_layout(config)),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        slots = range(config.slots)
        operation, access = Signal(operation_layout(config)), Signal(access_layout(config))
        m.d.comb += [
            operation.eq(select(self.tries, [self.operations[slot].as_value() for slot in slots])),
            access.eq(select(self.tries, [self.accesses[slot].as_value() for slot in slots])),
        ]

        # Requests and posted packets; a request goes to this node's own interface, which finds its way.
        control = operation.instruction.control
        signals = is_unit(control, Unit.SEMAPHORE)
        address = Mux(signals, operation.x1, access.address)
        packet, header = self.packet.payload, self.packet.payload.header
        m.d.comb += [
            self.packet.valid.eq(self.sends),
            packet.payload.eq(stored_line(config, control, access.word, self.vectors)),
            header.destination.eq(self.position),
            header.tag.eq(operation.thread),
            header.size.eq(access.size),
            header.address.eq(address),
        ]
        with m.Switch(control.unit):
            with m.Case(Unit.SEMAPHORE):
                m.d.comb += [header.op.eq(Op.SIGNAL), header.signal.eq(operation.x1[:6] + 1)]
            with m.Case(Unit.PUT):
                m.d.comb += header.op.eq(Op.PUT)
            with m.Case(Unit.ATOMIC):
                m.d.comb += [
                    header.op.eq(Op.ATOMIC),
                    header.signal.eq(control.function),
                    packet.payload.eq(Cat(operation.x2, operation.x3)),
                ]
            with m.Default():
                m.d.comb += header.op.eq(Mux(stores(control), Op.WRITE, Op.READ))
        with m.If(signals | access.flat):
            m.d.comb += [header.destination.x.eq(address[32:40]), header.destination.y.eq(address[40:48])]

        # Gathers.
        m.d.comb += [
            self.gathers.eq(gathers(control)),
            self.gather.thread.eq(operation.thread),
            self.gather.function.eq(control.function),
            self.gather.mask.eq(self.mask),
            self.gather.tile.eq(self.tiles[operation.thread]),
            self.gather.base.eq(operation.x1),
            self.gather.stride.eq(operation.x2),
            self.gather.offsets.eq(self.vectors.vector[2]),
            self.gather.data.eq(self.vectors.vector[0]),
        ]
        return m
