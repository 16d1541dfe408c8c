"""Which way a flit leaves a router."""

from math import ceil

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out, Signature

from ..config import Config
from ..memory_map import ROUTE_BITS, ROUTES_PER_REGISTER
from .packet import Coordinate


class Side(enum.IntEnum):
    """The links of a router. Rows are counted southwards; LOCAL is the node's network interface."""

    NORTH = 0
    SOUTH = 1
    EAST = 2
    WEST = 3
    LOCAL = 4


#: The sides of a node that have neighbours.
NEIGHBOURS = (Side.NORTH, Side.SOUTH, Side.EAST, Side.WEST)


class RouteSettings(Signature):
    """What the node's control registers say about routing; see docs/mesh.md.

    Members
    -------
    by_table : Out(1)
        Flits go by the table; if not, X first, then Y.
    write : Out(1)
        Store ``routes`` in the table: those to row ``row``, columns `ROUTES_PER_REGISTER` x ``group`` and on.
    row : Out(7), group : Out(3), routes : Out(64)
    """

    def __init__(self):
        super().__init__({
            "by_table": Out(1),
            "write": Out(1),
            "row": Out(7),
            "group": Out(3),
            "routes": Out(ROUTES_PER_REGISTER * ROUTE_BITS),
        })


class Routing(wiring.Component):
    """Looks ways up, combinationally, for flits that come in on any side.

    A flit that would have to go back where it came from, or where there is no neighbour, goes to LOCAL, and so does one
    whose destination is not in the table: the node answers or counts it as an error, and every flit arrives somewhere.

    Members
    -------
    position : In(Coordinate)
        Where the router stands; constant.
    neighbours : In(4)
        Which sides have a neighbour; constant.
    settings : In(RouteSettings)
    destinations : In(Coordinate), one for each `Side`
        Where the flit that comes in on that side wants to.
    ways : Out(len(Side)), one for each `Side`
        Where it leaves, one-hot.
    refused : Out(len(Side))
        Of each `Side`: that is not the way to its destination, since that is closed or there is none.
    """

    def __init__(self, *, config: Config):
        self.config = config
        super().__init__({
            "position": In(Coordinate),
            "neighbours": In(len(NEIGHBOURS)),
            "settings": In(RouteSettings()),
            "destinations": In(Coordinate).array(len(Side)),
            "ways": Out(len(Side)).array(len(Side)),
            "refused": Out(len(Side)),
        })
        #: What goes to (x, y) leaves by table[y][x]. (A signal for each row: one for each route is slow to simulate.)
        self.row = data.ArrayLayout(Side, config.columns)
        self.table = [Signal(self.row, name=f"routes_{y}", init=[Side.LOCAL] * config.columns)
                      for y in range(config.rows + 1)]

    def elaborate(self, platform):
        m = Module()
        settings = self.settings
        columns = range(self.config.columns)
        with m.If(settings.write), m.Switch(settings.row):
            for y, row in enumerate(self.table):
                with m.Case(y):
                    for group in range(ceil(len(columns) / ROUTES_PER_REGISTER)):
                        with m.If(settings.group == group):
                            for index, x in enumerate(columns[group * ROUTES_PER_REGISTER:][:ROUTES_PER_REGISTER]):
                                m.d.sync += row[x].eq(settings.routes.word_select(index, ROUTE_BITS))

        for side, destination, way in zip(Side, self.destinations, self.ways, strict=True):
            looked_up = Signal(Side, name=f"looked_up_{side.name}", init=Side.LOCAL)
            row = Signal(self.row, name=f"row_{side.name}", init=[Side.LOCAL] * len(columns))
            with m.If(settings.by_table):
                with m.Switch(destination.y):
                    for y, routes in enumerate(self.table):
                        with m.Case(y):
                            m.d.comb += row.eq(routes)
                with m.Switch(destination.x):
                    for x in columns:
                        with m.Case(x):
                            m.d.comb += looked_up.eq(row[x])

            wanted = Signal(len(NEIGHBOURS), name=f"wanted_{side.name}")
            closed = Signal(len(NEIGHBOURS), name=f"closed_{side.name}")
            ahead = Cat(looked_up == neighbour for neighbour in NEIGHBOURS)
            m.d.comb += [
                wanted.eq(Mux(settings.by_table, ahead, self._x_first(destination))),
                closed.eq(~self.neighbours | (0 if side is Side.LOCAL else 1 << side)),
                way.eq(Cat(wanted & ~closed, ~(wanted & ~closed).any())),
                self.refused[side].eq((wanted & closed).any()),
            ]
        return m

    def _x_first(self, destination):
        """The way along the row to the column and then along the column, one-hot, or 0 if the flit is there."""
        here = self.position
        same_column = destination.x == here.x
        towards = {
            Side.NORTH: same_column & (destination.y < here.y),
            Side.SOUTH: same_column & (destination.y > here.y),
            Side.EAST: destination.x > here.x,
            Side.WEST: destination.x < here.x,
        }
        return Cat(towards[side] for side in NEIGHBOURS)
