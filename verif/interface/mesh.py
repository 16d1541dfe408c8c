"""A mesh of nodes without cores: routers, network interfaces and SRAM, with the host's edge port."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.mem.sram import Sram
from hdl.noc.edge import EdgePort
from hdl.noc.interface import NetworkInterface, NetworkStatus
from hdl.noc.link import Link
from hdl.noc.packet import BORN_BITS, Coordinate, flit_layout
from hdl.noc.router import Router, Side
from hdl.verilog import Block

NODE_MODULE = "node_without_core"


class NodeWithoutCore(wiring.Component):
    """Router, interface and SRAM. Posts are taken and forgotten; control registers read 0."""

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "inputs": In(Link(config)).array(4),
            "outputs": Out(Link(config)).array(4),
            "push": In(stream.Signature(32)),
            "pull": In(stream.Signature(32)),
            "posted": Out(1),
            "status": Out(NetworkStatus),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.router = router = Router(config=self.config)
        m.submodules.interface = interface = NetworkInterface(config=self.config)
        m.submodules.sram = sram = Sram(config=self.config, users=("read", "write"))
        cycle = Signal(BORN_BITS)
        m.d.sync += cycle.eq(cycle + 1)
        m.d.comb += [
            router.position.eq(self.position),
            interface.position.eq(self.position),
            interface.cycle.eq(cycle),
            self.posted.eq(interface.post.valid),
            self.status.eq(interface.status),
        ]
        for side in range(4):
            wiring.connect(m, wiring.flipped(self.inputs[side]), router.inputs[side])
            wiring.connect(m, router.outputs[side], wiring.flipped(self.outputs[side]))
        wiring.connect(m, router.outputs[Side.LOCAL], interface.mesh_in)
        wiring.connect(m, interface.mesh_out, router.inputs[Side.LOCAL])
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
                node.position.x.eq(x),
                node.position.y.eq(y),
                self.posted[index].eq(node.posted),
                self.status[index].eq(node.status),
            ]
            wiring.connect(m, wiring.flipped(self.push[index]), node.push)
            wiring.connect(m, wiring.flipped(self.pull[index]), node.pull)
        for (x, y), node in nodes.items():
            for dx, dy, there, back in ((1, 0, Side.EAST, Side.WEST), (0, 1, Side.SOUTH, Side.NORTH)):
                if (neighbour := nodes.get((x + dx, y + dy))) is not None:
                    wiring.connect(m, node.outputs[there], neighbour.inputs[back])
                    wiring.connect(m, neighbour.outputs[back], node.inputs[there])
        m.submodules.edge = edge = EdgePort(config=self.config)
        wiring.connect(m, wiring.flipped(self.i), edge.i)
        wiring.connect(m, edge.o, wiring.flipped(self.o))
        wiring.connect(m, edge.mesh_out, nodes[0, 1].inputs[Side.NORTH])
        wiring.connect(m, nodes[0, 1].outputs[Side.NORTH], edge.mesh_in)
        return m
