"""A mesh of bare routers, with the links of every LOCAL side as ports."""

# pyright: reportAttributeAccessIssue=none

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import Config
from hdl.noc.grid import connect
from hdl.noc.link import Link
from hdl.noc.router import Router
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
            wiring.connect(m, wiring.flipped(self.inputs[index]), router.local_in)
            wiring.connect(m, router.local_out, wiring.flipped(self.outputs[index]))
        connect(m, routers)
        return m
