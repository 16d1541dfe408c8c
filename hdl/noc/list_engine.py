"""A list engine up to the lines that it has to move; who moves them is in `hdl.noc.list_sender`."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import Config
from .list_reader import ListReader, fetched_layout
from .list_walker import ListWalker, move_layout
from .packet import Coordinate
from .reports import Report


class ListEngine(wiring.Component):
    """Works through lists in order: reads their descriptors and gives the moves of each, one a cycle.

    Parameters
    ----------
    config : Config
    pull : bool
        The lists' sources are flat and their destinations local, not the other way round.

    Members
    -------
    position : In(Coordinate)
        This node.
    push : In(stream)
        Addresses of descriptors, which must be whole lines of the SRAM.
    fetch : Out(stream), fetched : In(stream)
        Lines of the SRAM to read, one at a time, and what is in them. Whoever reads them reports errors.
    moves : Out(stream of move_layout())
    failed : In(1)
        The list whose moves come could not be carried out; somebody else reports it.
    report : Out(stream)
        Lists that break a rule.
    """

    def __init__(self, *, config: Config, pull: bool):
        self.config = config
        self.pull = pull
        super().__init__({
            "position": In(Coordinate),
            "push": In(stream.Signature(32)),
            "fetch": Out(stream.Signature(config.line_bits)),
            "fetched": In(stream.Signature(fetched_layout(config), always_ready=True)),
            "moves": Out(stream.Signature(move_layout())),
            "failed": In(1),
            "report": Out(stream.Signature(Report, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = ListReader(config=self.config)
        m.submodules.walker = walker = ListWalker(config=self.config, pull=self.pull)
        wiring.connect(m, wiring.flipped(self.push), reader.push)
        wiring.connect(m, reader.o, walker.i)
        wiring.connect(m, walker.o, wiring.flipped(self.moves))
        m.d.comb += [
            walker.position.eq(self.position),
            walker.abort.eq(self.failed),
            reader.refused.eq(walker.refused | self.failed),
        ]

        # Reader and walker take turns, so they never fetch or report at the same time.
        m.d.comb += [self.fetch.valid.eq(reader.fetch.valid | walker.fetch.valid),
                     self.fetch.payload.eq(reader.fetch.payload),
                     self.report.valid.eq(reader.report.valid | walker.report.valid),
                     self.report.payload.eq(reader.report.payload)]
        for part in (reader, walker):
            m.d.comb += [
                part.fetch.ready.eq(self.fetch.ready),
                part.fetched.valid.eq(self.fetched.valid),
                part.fetched.payload.eq(self.fetched.payload),
            ]
        with m.If(walker.fetch.valid):
            m.d.comb += self.fetch.payload.eq(walker.fetch.payload)
        with m.If(walker.report.valid):
            m.d.comb += self.report.payload.eq(walker.report.payload)
        return m
