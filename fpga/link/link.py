"""The board's end of the link."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.noc.link import Link
from hdl.noc.packet import flit_layout

from .buffer import FrameBuffer
from .executor import Executor
from .receiver import FrameReceiver
from .transmitter import FrameTransmitter
from .uart import UartReceiver, UartTransmitter

#: Cycles to wait for the mesh to answer a packet.
PATIENCE = 1 << 20


class SerialLink(wiring.Component):
    """Carries out at an edge port what comes over a serial line; see docs/board.md.

    Parameters
    ----------
    config : Config
    divisor : int
        Clock cycles of a bit on the line, 4 or more.
    identity : bytes
        What HELLO is answered with.
    patience : int
        Cycles to wait for the mesh to answer a packet.

    Members
    -------
    rx : In(1), tx : Out(1)
        The line.
    edge_i : Out(Link), edge_o : In(stream)
        To ``i`` and from ``o`` of the edge port.
    mesh_reset : Out(1)
        A request resets the mesh.
    served, failed : Out(1)
        In this cycle a response begins, or a frame is dropped or ends with an error.
    """

    def __init__(self, *, config: Config, divisor: int, identity: bytes, patience: int = PATIENCE):
        self.receiver = UartReceiver(divisor=divisor)
        self.transmitter = UartTransmitter(divisor=divisor)
        self.executor = Executor(config=config, identity=identity, patience=patience)
        super().__init__({
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "edge_i": Out(Link(config)),
            "edge_o": In(stream.Signature(flit_layout(config))),
            "mesh_reset": Out(1),
            "served": Out(1),
            "failed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.uart_receiver = uart_receiver = self.receiver
        m.submodules.frame_receiver = frame_receiver = FrameReceiver()
        m.submodules.request_data = request_data = FrameBuffer()
        m.submodules.executor = executor = self.executor
        m.submodules.response_data = response_data = FrameBuffer()
        m.submodules.frame_transmitter = frame_transmitter = FrameTransmitter()
        m.submodules.uart_transmitter = uart_transmitter = self.transmitter

        m.d.comb += uart_receiver.rx.eq(self.rx)
        wiring.connect(m, uart_receiver.o, frame_receiver.i)
        wiring.connect(m, frame_receiver.content, request_data.write)
        wiring.connect(m, frame_receiver.o, executor.requests)
        wiring.connect(m, executor.request_data, request_data.read)

        wiring.connect(m, executor.edge_i, wiring.flipped(self.edge_i))
        wiring.connect(m, wiring.flipped(self.edge_o), executor.edge_o)
        m.d.comb += self.mesh_reset.eq(executor.mesh_reset)

        wiring.connect(m, executor.response_data, response_data.write)
        wiring.connect(m, executor.responses, frame_transmitter.i)
        wiring.connect(m, frame_transmitter.content, response_data.read)
        wiring.connect(m, frame_transmitter.o, uart_transmitter.i)
        m.d.comb += self.tx.eq(uart_transmitter.tx)

        dropped, responding = Signal(16), Signal()
        m.d.comb += [
            executor.dropped.eq(dropped),
            self.served.eq(executor.responses.valid & ~responding),
            self.failed.eq(frame_receiver.dropped | executor.out_of_turn
                           | self.served & (executor.responses.payload.status != 0)),
        ]
        m.d.sync += responding.eq(executor.responses.valid)
        with m.If((frame_receiver.dropped | executor.out_of_turn) & ~dropped.all()):
            m.d.sync += dropped.eq(dropped + 1)
        return m
