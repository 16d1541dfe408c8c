"""The blocks that have a name on the command line: for `make verilog`, `make lint` and `make synth`."""

from importlib import import_module

from amaranth.lib import wiring

from .config import Config

#: Where each block is, from the largest to the smallest; all are made by ``Class(config=config)``.
BLOCKS = {
    "mesh": "hdl.mesh:Mesh",
    "node": "hdl.node:Node",
    "core": "hdl.core.core:Core",
    "matrix": "hdl.core.matrix:MatrixUnit",
    "vector": "hdl.core.vector:VectorUnit",
    "sram": "hdl.mem.sram:FivePortSram",
    "router": "hdl.noc.router:Router",
}


def block(name: str, config: Config) -> wiring.Component:
    """The block called `name`, of that size; a ValueError lists the names there are."""
    if name not in BLOCKS:
        raise ValueError(f"no block is called {name!r}; there are {', '.join(BLOCKS)}")
    module, kind = BLOCKS[name].split(":")
    return getattr(import_module(module), kind)(config=config)
