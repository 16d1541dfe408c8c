"""A mesh of nodes without cores: routers, network interfaces and SRAM, with the host's edge port."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.mem.sram import Sram
from hdl.noc.edge import EdgePort
from hdl.noc.grid import connect
from hdl.noc.interface import NetworkInterface, NetworkStatus
from hdl.noc.link import Hop, Link
from hdl.noc.packet import BORN_BITS, Coordinate, flit_layout
from hdl.noc.router import Router
from hdl.noc.routing import Side
from hdl.verilog import Block

NODE_MODULE = "node_without_core"


class NodeWithoutCore(wiring.Component):
    """Router, interface and SRAM. Posts are taken and forgotten; control registers read 0."""

    def __init__(self, *, config: Config):
        self.config = config
        hop = Hop(flit=flit_layout(config), depth=config.fifo_depth)
        super().__init__({
            "position": In(Coordinate),
            "neighbours": In(4),
            "inputs": In(hop).array(4),
            "outputs": Out(hop).array(4),
            "push": In(stream.Signature(32)),
            "pull": In(stream.Signature(32)),
            "posted": Out(1),
            "status": Out(NetworkStatus),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = Router(config=self.config)
        m.submodules.interface = interface = NetworkInterface(config=self.config)
        m.submodules.sram = sram = Sram(config=self.config, readers=("read", "write"), writers=("write",))
        cycle = Signal(BORN_BITS)
        m.d.sync += cycle.eq(cycle + 1)
        m.d.comb += [
            router.position.eq(self.position),
            router.neighbours.eq(self.neighbours),
            interface.position.eq(self.position),
            interface.cycle.eq(cycle),
            self.posted.eq(interface.post.valid),
            self.status.eq(interface.status),
        ]
        for side in range(4):
            wiring.connect(m, wiring.flipped(self.inputs[side]), router.inputs[side])
            wiring.connect(m, router.outputs[side], wiring.flipped(self.outputs[side]))
        wiring.connect(m, router.local_out, interface.mesh_in)
        wiring.connect(m, interface.mesh_out, router.local_in)
        wiring.connect(m, interface.read, sram.read)
        wiring.connect(m, interface.write, sram.write)
        wiring.connect(m, wiring.flipped(self.push), interface.push)
        wiring.connect(m, wiring.flipped(self.pull), interface.pull)
        return m


class MeshWithoutCores(wiring.Component):
    """The nodes of a mesh, whose arrays are in the order of `Config.coordinates`, and the edge port at their corner."""

    def __init__(self, *, config: Config):
        self.config = config
        flits = stream.Signature(flit_layout(config))
        super().__init__({
            "i": In(Link(config)),
            "o": Out(flits),
            "push": In(stream.Signature(32)).array(config.nodes),
            "pull": In(stream.Signature(32)).array(config.nodes),
            "posted": Out(config.nodes),
            "status": Out(NetworkStatus).array(config.nodes),
        })

    def elaborate(self, platform):
        m = Module()
        body = NodeWithoutCore(config=self.config)
        nodes = {}
        for index, (x, y) in enumerate(self.config.coordinates()):
            nodes[x, y] = node = Block(module=NODE_MODULE, body=body)
            m.submodules[f"node_{x}_{y}"] = node
            m.d.comb += [
                self.posted[index].eq(node.posted),
                self.status[index].eq(node.status),
            ]
            wiring.connect(m, wiring.flipped(self.push[index]), node.push)
            wiring.connect(m, wiring.flipped(self.pull[index]), node.pull)
        connect(m, nodes, edges=[(0, 0)])
        m.submodules.edge = edge = EdgePort(config=self.config)
        wiring.connect(m, wiring.flipped(self.i), edge.i)
        wiring.connect(m, edge.o, wiring.flipped(self.o))
        wiring.connect(m, edge.mesh_out, nodes[0, 1].inputs[Side.NORTH])
        wiring.connect(m, nodes[0, 1].outputs[Side.NORTH], edge.mesh_in)
        return m
