"""A mesh of nodes with a host at its edge."""

from collections.abc import Collection

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import Config
from .core.layouts import retirement_layout
from .noc.edge import EDGE_X, EDGE_Y, EdgePort
from .noc.grid import Broken, Site, connect
from .noc.link import Link
from .noc.packet import flit_layout
from .noc.routing import Side
from .node import Node
from .verilog import Block

#: Verilog name of the node, which is emitted once whatever the mesh's size.
NODE_MODULE = "d1_node"


class Mesh(wiring.Component):
    """`config.columns` x `config.rows` nodes, and the host's edge port north of the first.

    Parameters
    ----------
    config : Config
    dead : collection of (x, y)
        Sites without a node. Node (0, 1), where the host is, must live.
    broken : collection of frozenset of two (x, y)
        Links that are not there, but for the host's.

    Members
    -------
    edge : i In(Link), o Out(stream) of flits, errors Out(16)
        The host's port; see `hdl.noc.edge.EdgePort`.
    retirement : Out, one for each node in the order of `Config.coordinates`
        For traces.
    """

    def __init__(self, *, config: Config, dead: Collection[Site] = (), broken: Collection[Broken] = ()):
        if unknown := set(dead) - set(config.coordinates()):
            raise ValueError(f"dead sites must be nodes of the mesh, not {sorted(unknown)}")
        if (EDGE_X, EDGE_Y + 1) in dead:
            raise ValueError(f"node {(EDGE_X, EDGE_Y + 1)} must live, since the host's port is there")
        self.config = config
        self.dead = frozenset(dead)
        self.broken = frozenset(broken)
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

        # The nodes leave reset a cycle later, by a register: a wire from the port to all of them would be long.
        m.domains.nodes = domain = ClockDomain()
        reset = Signal(init=1)
        m.d.sync += reset.eq(0)
        m.d.comb += [domain.clk.eq(ClockSignal()), domain.rst.eq(reset)]
        for index, (x, y) in enumerate(config.coordinates()):
            if (x, y) not in self.dead:
                nodes[x, y] = node = Block(module=NODE_MODULE, body=body)
                m.submodules[f"node_{x}_{y}"] = DomainRenamer("nodes")(node)
                m.d.comb += self.retirement[index].eq(node.retirement)
        connect(m, nodes, edges=[(EDGE_X, EDGE_Y)], broken=self.broken)

        m.submodules.edge_port = port = EdgePort(config=config)
        wiring.connect(m, wiring.flipped(self.edge.i), port.i)
        wiring.connect(m, port.o, wiring.flipped(self.edge.o))
        m.d.comb += self.edge.errors.eq(port.errors)
        first = nodes[EDGE_X, EDGE_Y + 1]
        wiring.connect(m, port.mesh_out, first.inputs[Side.NORTH])
        wiring.connect(m, first.outputs[Side.NORTH], port.mesh_in)
        return m
