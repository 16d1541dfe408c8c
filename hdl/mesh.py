"""A mesh of nodes with a host at its edge."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import Config
from .core.layouts import retirement_layout
from .noc.edge import EdgePort
from .noc.link import Link
from .noc.packet import flit_layout
from .noc.router import Side
from .node import Node
from .verilog import Block

#: Verilog name of the node, which is emitted once whatever the mesh's size.
NODE_MODULE = "d1_node"

#: For each side of a node, the way to the neighbour there and the neighbour's side that faces it.
_FACING = {
    Side.NORTH: ((0, -1), Side.SOUTH),
    Side.SOUTH: ((0, 1), Side.NORTH),
    Side.EAST: ((1, 0), Side.WEST),
    Side.WEST: ((-1, 0), Side.EAST),
}


class Mesh(wiring.Component):
    """`config.columns` x `config.rows` nodes, and the host's edge port north of the first.

    Links that lead out of the mesh carry nothing: senders check their destinations.

    Members
    -------
    edge : i In(Link), o Out(stream) of flits, errors Out(16)
        The host's port; see `hdl.noc.edge.EdgePort`.
    retirement : Out, one for each node in the order of `Config.coordinates`
        For traces.
    """

    def __init__(self, *, config: Config):
        self.config = config
        flits = stream.Signature(flit_layout(config))
        super().__init__({
            "edge": Out(wiring.Signature({"i": In(Link(config)), "o": Out(flits), "errors": Out(16)})),
            "retirement": Out(retirement_layout(config)).array(config.nodes),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        body = Node(config=config)
        nodes = {}
        for index, (x, y) in enumerate(config.coordinates()):
            nodes[x, y] = node = Block(module=NODE_MODULE, body=body)
            m.submodules[f"node_{x}_{y}"] = node
            m.d.comb += [
                node.position.x.eq(x),
                node.position.y.eq(y),
                self.retirement[index].eq(node.retirement),
            ]
        for (x, y), node in nodes.items():
            for side, ((dx, dy), facing) in _FACING.items():
                if (neighbour := nodes.get((x + dx, y + dy))) is not None:
                    wiring.connect(m, node.outputs[side], neighbour.inputs[facing])

        m.submodules.edge_port = port = EdgePort(config=config)
        wiring.connect(m, wiring.flipped(self.edge.i), port.i)
        wiring.connect(m, port.o, wiring.flipped(self.edge.o))
        m.d.comb += self.edge.errors.eq(port.errors)
        first = nodes[config.coordinates()[0]]
        wiring.connect(m, port.mesh_out, first.inputs[Side.NORTH])
        wiring.connect(m, first.outputs[Side.NORTH], port.mesh_in)
        return m
