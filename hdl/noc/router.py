"""The mesh router: five links in, five out, one cycle a hop."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from ..arbiter import RoundRobin
from ..config import Config
from ..queue import Queue
from .link import Link
from .packet import CLASSES, Coordinate, flit_layout


class Side(enum.IntEnum):
    """The links of a router. Rows are counted southwards; LOCAL is the node's network interface."""

    NORTH = 0
    SOUTH = 1
    EAST = 2
    WEST = 3
    LOCAL = 4


class Router(wiring.Component):
    """Passes flits on: along the row to their column, then along the column, then to the node.

    Every input has a queue of `config.fifo_depth` flits for each class. A flit leaves its queue, crosses the router and
    the link, and is in the next router's queue one cycle later, if nothing is in its way. Each output takes the heads
    of the queues in turn: among the inputs of a class, and between the classes for which the neighbour has room. So

    * an output sends a flit in every cycle in which there is one that it may send;
    * a class without room never holds up the other;
    * a head that its output has room for waits for at most 2 x (inputs - 1) + 1 others.

    (One turn among inputs and classes together would not do: room that comes and goes could pass the same input by for
    ever.) A flit that would have to go back where it came from, which no sender of the mesh makes, goes to LOCAL.

    Members
    -------
    position : In(Coordinate)
        Where the router stands; constant.
    inputs : In(Link), one for each `Side`
        ``ready`` depends on the queues' levels alone.
    outputs : Out(Link), one for each `Side`
        ``valid`` depends on ``ready``: only a flit that is taken is offered.
    flits : Out(5)
        For each `Side`, a strobe: a flit leaves.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "inputs": In(Link(config)).array(len(Side)),
            "outputs": Out(Link(config)).array(len(Side)),
            "flits": Out(len(Side)),
        })

    def elaborate(self, platform):
        m = Module()
        layout = flit_layout(self.config)
        heads = {side: [Queue(shape=layout, depth=self.config.fifo_depth) for _ in range(CLASSES)] for side in Side}
        wants = {side: [Signal(len(Side), name=f"wants_{side.name}_{c}") for c in range(CLASSES)] for side in Side}
        taken = {side: [Signal(len(Side), name=f"taken_{side.name}_{c}") for c in range(CLASSES)] for side in Side}

        for side in Side:
            link = self.inputs[side]
            for c, queue in enumerate(heads[side]):
                m.submodules[f"queue_{side.name}_{c}"] = queue
                m.d.comb += [
                    queue.i.payload.eq(link.flit),
                    queue.i.valid.eq(link.valid[c]),
                    link.ready[c].eq(queue.i.ready),
                    queue.o.ready.eq(taken[side][c].any()),
                ]
                with m.If(queue.o.valid):
                    m.d.comb += wants[side][c].eq(self._route(queue.o.payload.header.destination, came_from=side))

        for out in Side:
            link = self.outputs[out]
            sides = [side for side in Side if side is not out or side is Side.LOCAL]
            m.submodules[f"classes_{out.name}"] = classes = RoundRobin(count=CLASSES)
            m.d.comb += [classes.advance.eq(1), link.valid.eq(classes.grant), self.flits[out].eq(classes.grant.any())]
            for c in range(CLASSES):
                m.submodules[f"inputs_{out.name}_{c}"] = inputs = RoundRobin(count=len(sides))
                m.d.comb += [
                    inputs.requests.eq(Cat(wants[side][c][out] for side in sides)),
                    inputs.advance.eq(classes.grant[c]),
                    classes.requests[c].eq(inputs.requests.any() & link.ready[c]),
                ]
                for index, side in enumerate(sides):
                    m.d.comb += taken[side][c][out].eq(inputs.grant[index] & classes.grant[c])

            source = Cat(taken[side][c][out] for side in sides for c in range(CLASSES))
            with m.Switch(source):
                for index, queue in enumerate(heads[side][c] for side in sides for c in range(CLASSES)):
                    with m.Case(1 << index):
                        m.d.comb += link.flit.eq(queue.o.payload)
        return m

    def _route(self, destination, *, came_from: Side):
        """The side that a flit leaves by, one-hot."""
        here = self.position
        same_column = destination.x == here.x
        towards = {
            Side.NORTH: same_column & (destination.y < here.y),
            Side.SOUTH: same_column & (destination.y > here.y),
            Side.EAST: destination.x > here.x,
            Side.WEST: destination.x < here.x,
            came_from: 0,
        }
        ways = Cat(towards[side] for side in Side if side is not Side.LOCAL)
        return Cat(ways, ~ways.any())
