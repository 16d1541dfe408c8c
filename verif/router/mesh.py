"""A mesh of bare routers, with the links of every LOCAL side as ports."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.noc.link import Link
from hdl.noc.router import Router, Side
from hdl.verilog import Block

ROUTER_MODULE = "router"


class RouterMesh(wiring.Component):
    """`config.columns` x `config.rows` routers; arrays are in the order of `Config.coordinates`."""

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "inputs": In(Link(config)).array(config.nodes),
            "outputs": Out(Link(config)).array(config.nodes),
        })

    def elaborate(self, platform):
        m = Module()
        body = Router(config=self.config)
        routers = {}
        for index, (x, y) in enumerate(self.config.coordinates()):
            routers[x, y] = router = Block(module=ROUTER_MODULE, body=body)
            m.submodules[f"router_{x}_{y}"] = router
            m.d.comb += [router.position.x.eq(x), router.position.y.eq(y)]
            wiring.connect(m, wiring.flipped(self.inputs[index]), router.inputs[Side.LOCAL])
            wiring.connect(m, router.outputs[Side.LOCAL], wiring.flipped(self.outputs[index]))
        for (x, y), router in routers.items():
            for dx, dy, there, back in ((1, 0, Side.EAST, Side.WEST), (0, 1, Side.SOUTH, Side.NORTH)):
                if (neighbour := routers.get((x + dx, y + dy))) is not None:
                    wiring.connect(m, router.outputs[there], neighbour.inputs[back])
                    wiring.connect(m, neighbour.outputs[back], router.inputs[there])
        return m
